/** The appliance as a process: reads the environment and hosts.yaml, starts everything, says what to do next. */
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createIdentityStore } from '../core/host/identities.ts';
import { loadConfig } from '../core/runtime/config.ts';
import { GleipnirError } from '../core/runtime/errors.ts';
import { readFileIfPresent } from '../core/runtime/files.ts';
import { createLogger } from '../core/runtime/log.ts';
import { HostPool } from '../operator/hosts/pool.ts';
import { unpin } from '../relay/datapath/kernel/pins.ts';
import { createAppliance } from './appliance.ts';
import { formatBanner } from './banner.ts';
import { ApplianceConfig } from './config.ts';
import { startDemoHost, type DemoHost } from './demo-host.ts';
import { openDeploymentKey } from './deployment-key.ts';
import { createDrivers } from './drivers.ts';
import { parseHostsFile } from './hosts-file.ts';

const USAGE = `npm start -- [--unpin]

  --unpin  removes what a relay left in the kernel at RELAY_DATAPATH_PIN_FOLDER, and does nothing else
`;

async function main(): Promise<void> {
  const [option, ...more] = process.argv.slice(2);
  if (more.length > 0 || (option !== undefined && option !== '--unpin')) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  const config = loadConfig(ApplianceConfig, process.env);
  if (option === '--unpin') removePins(config);
  else await run(config);
}

function removePins({ datapath: { datapathPinFolder: folder } }: ApplianceConfig): void {
  const removed = folder === '' ? undefined : unpin(folder);
  process.stdout.write(
    removed === undefined
      ? 'Nothing is pinned: RELAY_DATAPATH_PIN_FOLDER is not set.\n'
      : `${folder}: ${removed} names removed.\n`,
  );
}

async function run(config: ApplianceConfig): Promise<void> {
  const log = createLogger(config.logLevel, process.stderr);
  const sealer = await openDeploymentKey(join(config.dataDir, 'deployment.key'));
  const identities = createIdentityStore({ directory: join(config.dataDir, 'hosts'), sealer });

  const hostsFile = await readFileIfPresent(config.hostsFile);
  let demo: DemoHost | undefined;
  if (hostsFile === undefined) demo = await startDemoHost(identities, log);
  const known =
    demo === undefined ? parseHostsFile(String(hostsFile), config.hostsFile) : { hosts: [demo.spec] };

  const hosts = new HostPool({ ...known, driverOf: createDrivers(identities, log), log });
  const appliance = createAppliance({ config, sealer, hosts, log });
  const ports = await appliance.start();
  process.stdout.write(
    formatBanner({ config, ports, interfaces: networkInterfaces(), isDemo: demo !== undefined }),
  );

  const stop = async (): Promise<void> => {
    await appliance.stop();
    await demo?.host.stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          report(error);
          process.exit(1);
        },
      );
    });
  }
}

/** What a person reads when the start fails: the message and its facts, no stack. */
function report(error: unknown): void {
  if (!(error instanceof GleipnirError)) throw error;
  const facts = Object.entries(error.details).map(([name, value]) => `  ${name}: ${String(value)}\n`);
  process.stderr.write(`${error.message}\n${facts.join('')}`);
}

try {
  await main();
} catch (error) {
  report(error);
  process.exit(1);
}
