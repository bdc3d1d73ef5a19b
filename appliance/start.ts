/** From the settings to a running appliance: the data folder, the hosts, every listener, and what a person then reads. */
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createIdentityStore } from '../core/host/identities.ts';
import { holdFolder } from '../core/runtime/folder-lock.ts';
import { createLogger, formatLog } from '../core/runtime/log.ts';
import { HostPool } from '../operator/hosts/pool.ts';
import { createAppliance, type Appliance, type AppliancePorts } from './appliance.ts';
import { formatBanner } from './banner.ts';
import type { ApplianceConfig } from './config.ts';
import { startDemoHost, type DemoHost } from './demo-host.ts';
import { openDeploymentKey } from './deployment-key.ts';
import { createDrivers } from './drivers.ts';
import type { HostsFile } from './hosts-file.ts';

/** How long the banner waits for the hosts' first answers. */
const HOSTS_ASKED_SECONDS = 3;

/** What runs. */
export interface Running {
  /** Prints the banner, once the hosts have answered or had their time. */
  sayWhatToDo: () => Promise<void>;
  stop: () => Promise<void>;
}

/**
 * Starts everything.
 *
 * @param hostsFile `undefined`: a demo host.
 * @throws GleipnirError DATA_FOLDER_IN_USE and whatever `Appliance.start` throws; what was opened is closed again.
 */
export async function startAppliance(
  config: ApplianceConfig,
  hostsFile: HostsFile | undefined,
): Promise<Running> {
  const log = createLogger(config.logLevel, await formatLog(config.logFormat, process.stderr));
  const lock = await holdFolder(config.dataDir);
  const sealer = await openDeploymentKey(join(config.dataDir, 'deployment.key'));
  const identities = createIdentityStore({ directory: join(config.dataDir, 'hosts'), sealer });
  let demo: DemoHost | undefined;
  if (hostsFile === undefined) demo = await startDemoHost(identities, log);
  const known = hostsFile ?? { hosts: demo === undefined ? [] : [demo.spec] };

  const hosts = new HostPool({ ...known, driverOf: createDrivers(identities, log), log });
  const appliance = createAppliance({ config, sealer, hosts, log });
  const ports = await appliance.start();
  return {
    sayWhatToDo: () => sayWhatToDo({ config, ports, appliance, hosts, isDemo: demo !== undefined }),
    stop: async () => {
      await appliance.stop();
      await demo?.host.stop();
      lock.release();
    },
  };
}

interface Started {
  config: ApplianceConfig;
  ports: AppliancePorts;
  appliance: Appliance;
  hosts: HostPool;
  isDemo: boolean;
}

async function sayWhatToDo({ appliance, hosts, ...facts }: Started): Promise<void> {
  await Promise.race([appliance.hostsAsked(), delay(HOSTS_ASKED_SECONDS * 1_000, undefined, { ref: false })]);
  process.stdout.write(
    formatBanner({
      ...facts,
      interfaces: networkInterfaces(),
      hosts: hosts.hosts(),
      waitedSeconds: HOSTS_ASKED_SECONDS,
    }),
  );
}
