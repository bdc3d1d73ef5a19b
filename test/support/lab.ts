/** An appliance, simulated hosts and clients in this process, on loopback, every port chosen by the system. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { createAppliance, type Appliance, type AppliancePorts } from '../../appliance/appliance.ts';
import { ApplianceConfig } from '../../appliance/config.ts';
import { openDeploymentKey } from '../../appliance/deployment-key.ts';
import { createDrivers } from '../../operator/hosts/drivers.ts';
import { createDocumentFiles, createIdentityStore } from '../../core/host/identities.ts';
import { createClientCertificate } from '../../core/identity/certificate.ts';
import { loadConfig } from '../../core/runtime/config.ts';
import { SS_ENC } from '../../core/protocol/sdp.ts';
import type { FlowRecord } from '../../core/session/record.ts';
import type { TableClaims } from '../../core/session/table.ts';
import { HostPool } from '../../operator/hosts/pool.ts';
import type { HostSpec } from '../../operator/hosts/types.ts';
import { SimClient, type SimClientOptions } from '../../sim/client/client.ts';
import { createSimHost, type SimHost, type SimHostOptions } from '../../sim/host/host.ts';
import { typePin } from './pin-page.ts';

const ADDRESS = '127.0.0.1';
const ANY_PORT = { http: 0, https: 0, rtsp: 0, control: 0, video: 0, audio: 0, web: 0 };

/** What the appliance of a lab logged, one JSON line each. */
export interface Lab {
  ports: AppliancePorts;
  hosts: SimHost[];
  dataDir: string;
  logLines: string[];
  /** A client with an identity of its own, not paired. */
  createClient: (options?: Partial<SimClientOptions>) => Promise<SimClient>;
  /** The same, paired through the PIN page. */
  createPairedClient: (options?: Partial<SimClientOptions>) => Promise<SimClient>;
  /** Types a PIN for the client that waits. @returns the page's answer. */
  typePin: (pin: string) => Promise<string>;
  /**
   * Stops the appliance, and starts another on the same files and ports, `outageMs` later at the earliest.
   *
   * @param hosts - names of the hosts that it knows; all by default
   * @returns how long there was none, ms.
   */
  restart: (outageMs: number, hosts?: readonly string[]) => Promise<number>;
  /** Of the appliance's session table; `undefined` while none runs. */
  claims: () => TableClaims | undefined;
  /** The relay's rows. */
  flows: () => Promise<FlowRecord[]>;
  /** One metric of the appliance, by the values of its labels, joined by `/` in the order of its declaration. */
  metric: (name: string) => Promise<Record<string, number>>;
  close: () => Promise<void>;
}

/** How a lab's hosts are; one host with every encryption by default. */
export interface LabOptions {
  hosts?: SimHostOptions[];
  /** Sessions per host. */
  capacity?: number;
  /** As of the appliance: any ports by default. */
  upstreamPortBase?: number;
  /** Hosts that the test plays itself; they know the appliance already. */
  others?: { spec: HostSpec; certificatePem: string }[];
  /** Gets each line of the log instead of `logLines`. */
  onLogLine?: (line: string) => void;
}

const ALL_ENCRYPTION = { rtsp: true, supported: SS_ENC.CONTROL_V2 | SS_ENC.VIDEO | SS_ENC.AUDIO };

export async function openLab(options: LabOptions = {}): Promise<Lab> {
  const { hosts: hostOptions = [{}], others = [], capacity = 4, upstreamPortBase = 0 } = options;
  const dataDir = await mkdtemp(join(tmpdir(), 'gleipnir-lab-'));
  const logLines: string[] = [];
  const { onLogLine = (line: string) => logLines.push(line) } = options;
  const log = pino({ level: 'debug' }, { write: onLogLine });
  const sealer = await openDeploymentKey(join(dataDir, 'deployment.key'));
  const identities = createIdentityStore({ documents: createDocumentFiles(join(dataDir, 'hosts')), sealer });

  const hosts = hostOptions.map((hostOption) =>
    createSimHost({ encryption: ALL_ENCRYPTION, sessionsMax: capacity, ...hostOption }),
  );
  const specs = await Promise.all(
    hosts.map(async (host, index): Promise<HostSpec> => {
      const { http } = await host.start();
      const spec = { name: `host-${index}`, address: ADDRESS, httpPort: http, capacity };
      const wolfSocket = hostOptions[index]?.wolfSocket;
      if (wolfSocket !== undefined) return { ...spec, wolfSocket };
      return { ...spec, enterPin: (pin) => host.enterPin(pin) };
    }),
  );

  for (const { spec, certificatePem } of others) {
    await (await identities.open(spec.name, 'default')).setHostCertificate(certificatePem);
    specs.push(spec);
  }

  /** An appliance that does not run yet. */
  function createOne(ports: AppliancePorts, known: HostSpec[]): Appliance {
    const env = Object.entries(ports).map(([name, port]) => [
      `APPLIANCE_${name.toUpperCase()}_PORT`,
      `${port}`,
    ]);
    const config = loadConfig(ApplianceConfig, {
      ...(Object.fromEntries(env) as Record<string, string>),
      APPLIANCE_UPSTREAM_PORT_BASE: String(upstreamPortBase),
      APPLIANCE_BIND_ADDRESS: ADDRESS,
      APPLIANCE_DATA_DIR: dataDir,
      // Nothing is attached to the machine's own devices.
      RELAY_DATAPATH: 'userspace',
    });
    const pool = new HostPool({ hosts: known, driverOf: createDrivers(identities, log), log });
    return createAppliance({ config, sealer, hosts: pool, log });
  }

  let appliance = createOne(ANY_PORT, specs);
  const ports = await appliance.start();
  await appliance.hostsAsked();
  const page = `http://${ADDRESS}:${ports.web}/`;

  async function createClient(clientOptions: Partial<SimClientOptions> = {}): Promise<SimClient> {
    const identity = await createClientCertificate();
    return new SimClient({ address: ADDRESS, httpPort: ports.http, identity, ...clientOptions });
  }
  return {
    ports,
    hosts,
    dataDir,
    logLines,
    createClient,
    createPairedClient: async (clientOptions) => {
      const client = await createClient(clientOptions);
      await Promise.all([client.pair('1234'), typePin(page, '1234')]);
      return client;
    },
    typePin: (pin) => typePin(page, pin),
    claims: () => appliance.inspect()?.claims,
    flows: async () => (await appliance.inspect()?.table.list('flow')) ?? [],
    metric: async (name) => {
      const { values = [] } = (await appliance.inspect()?.register.getSingleMetric(name)?.get()) ?? {};
      return Object.fromEntries(values.map(({ labels, value }) => [Object.values(labels).join('/'), value]));
    },
    restart: async (outageMs, names = specs.map(({ name }) => name)) => {
      const stoppedAt = performance.now();
      await appliance.stop();
      await delay(Math.max(0, outageMs - (performance.now() - stoppedAt)));
      const known = specs.filter(({ name }) => names.includes(name));
      appliance = createOne(ports, known);
      await appliance.start();
      await appliance.hostsAsked();
      return performance.now() - stoppedAt;
    },
    close: async () => {
      await appliance.stop();
      await Promise.all(hosts.map((host) => host.stop()));
      await rm(dataDir, { recursive: true });
    },
  };
}
