/** An appliance, simulated hosts and clients in this process, on loopback, every port chosen by the system. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createAppliance, type AppliancePorts } from '../../appliance/appliance.ts';
import { ApplianceConfig } from '../../appliance/config.ts';
import { openDeploymentKey } from '../../appliance/deployment-key.ts';
import { createDrivers } from '../../appliance/drivers.ts';
import { createIdentityStore } from '../../core/host/identities.ts';
import { createClientCertificate } from '../../core/identity/certificate.ts';
import { loadConfig } from '../../core/runtime/config.ts';
import { SS_ENC } from '../../core/protocol/sdp.ts';
import { HostPool } from '../../operator/hosts/pool.ts';
import { SimClient, type SimClientOptions } from '../../sim/client/client.ts';
import { createSimHost, type SimHost, type SimHostOptions } from '../../sim/host/host.ts';
import { typePin } from './pin-page.ts';

const ADDRESS = '127.0.0.1';
const ANY_PORT = Object.fromEntries(
  ['HTTP', 'HTTPS', 'RTSP', 'CONTROL', 'VIDEO', 'AUDIO', 'WEB', 'UPSTREAM'].map((name) => [
    name === 'UPSTREAM' ? 'APPLIANCE_UPSTREAM_PORT_BASE' : `APPLIANCE_${name}_PORT`,
    '0',
  ]),
);

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
  close: () => Promise<void>;
}

/** How a lab's hosts are; one host with every encryption by default. */
export interface LabOptions {
  hosts?: SimHostOptions[];
  /** Sessions per host. */
  capacity?: number;
}

const ALL_ENCRYPTION = { rtsp: true, supported: SS_ENC.CONTROL_V2 | SS_ENC.VIDEO | SS_ENC.AUDIO };

export async function openLab({ hosts: hostOptions = [{}], capacity = 4 }: LabOptions = {}): Promise<Lab> {
  const dataDir = await mkdtemp(join(tmpdir(), 'gleipnir-lab-'));
  const logLines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line) => logLines.push(line) });
  const config = loadConfig(ApplianceConfig, {
    ...ANY_PORT,
    APPLIANCE_BIND_ADDRESS: ADDRESS,
    APPLIANCE_DATA_DIR: dataDir,
  });
  const sealer = await openDeploymentKey(join(dataDir, 'deployment.key'));
  const identities = createIdentityStore({ directory: join(dataDir, 'hosts'), sealer });

  const hosts = hostOptions.map((options) =>
    createSimHost({ encryption: ALL_ENCRYPTION, sessionsMax: capacity, ...options }),
  );
  const specs = await Promise.all(
    hosts.map(async (host, index) => {
      const { http } = await host.start();
      const enterPin = (pin: string): boolean => host.enterPin(pin);
      return { name: `host-${index}`, address: ADDRESS, httpPort: http, capacity, enterPin };
    }),
  );
  const pool = new HostPool({ hosts: specs, driverOf: createDrivers(identities, log), log });
  const appliance = createAppliance({ config, sealer, hosts: pool, log });
  const ports = await appliance.start();
  const page = `http://${ADDRESS}:${ports.web}/`;

  async function createClient(options: Partial<SimClientOptions> = {}): Promise<SimClient> {
    const identity = await createClientCertificate();
    return new SimClient({ address: ADDRESS, httpPort: ports.http, identity, ...options });
  }
  return {
    ports,
    hosts,
    dataDir,
    logLines,
    createClient,
    createPairedClient: async (options) => {
      const client = await createClient(options);
      await Promise.all([client.pair('1234'), typePin(page, '1234')]);
      return client;
    },
    typePin: (pin) => typePin(page, pin),
    close: async () => {
      await appliance.stop();
      await Promise.all(hosts.map((host) => host.stop()));
      await rm(dataDir, { recursive: true });
    },
  };
}
