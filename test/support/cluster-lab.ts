/** The parts as processes (tools/cluster), with simulated hosts and clients in this process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClientCertificate } from '../../core/identity/certificate.ts';
import { SimClient, type SimClientOptions } from '../../sim/client/client.ts';
import type { StreamReport } from '../../sim/client/report.ts';
import type { StreamOptions } from '../../sim/client/stream.ts';
import { createSimHost, type SimHost } from '../../sim/host/host.ts';
import { Cluster } from '../../tools/cluster/cluster.ts';
import { addressesOf, consoleUrls } from '../../tools/cluster/layout.ts';
import { whyNoCluster } from '../../tools/cluster/missing.ts';
import { TEST_CARD } from './crowd.ts';
import { typePin } from './pin-page.ts';

const PIN = '1234';
const WHY_NOT = whyNoCluster();
/** For `describe.skipIf`, and for the name of what is skipped. */
export const IS_CLUSTER_MISSING = WHY_NOT !== undefined;
export const CLUSTER_MISSING = WHY_NOT === undefined ? '' : ` (${WHY_NOT})`;

/** What a part wrote. */
export interface PartLine {
  name: string;
  line: string;
}

export interface ClusterLab {
  cluster: Cluster;
  hosts: SimHost[];
  /** Of all parts; bounded by the test. */
  lines: PartLine[];
  /** Paired at one relay and typed at the other one's proxy; plays through the relay of this index, modulo their number. */
  createPairedClient: (options?: Partial<SimClientOptions>, relay?: number) => Promise<SimClient>;
  close: () => Promise<void>;
}

/** Hosts with so many sessions each; resolves when every part is ready and the hosts' apps are known. */
export async function openClusterLab({ hosts: hostCount = 1, capacity = 32 } = {}): Promise<ClusterLab> {
  const folder = await mkdtemp(join(tmpdir(), 'gleipnir-lab-'));
  const plans = Array.from({ length: hostCount }, (_, index) => {
    const wolfSocket = join(folder, `wolf-${index}.sock`);
    return { name: `host-${index}`, wolfSocket, host: createSimHost({ wolfSocket, sessionsMax: capacity }) };
  });
  const hosts = plans.map(({ host }) => host);
  const specs = await Promise.all(
    plans.map(async ({ name, wolfSocket, host }) => {
      const { http } = await host.start();
      return { name, address: '127.0.0.1', httpPort: http, capacity, wolfSocket };
    }),
  );
  const lines: PartLine[] = [];
  const cluster = new Cluster({
    hosts: specs,
    onLine: (name, line) => lines.push({ name, line }),
  });
  await cluster.start();
  const relays = addressesOf('relay');
  const consoles = consoleUrls();
  return {
    cluster,
    hosts,
    lines,
    createPairedClient: async (options = {}, relay = 0) => {
      const at = (index: number): string => relays[index % relays.length] ?? '';
      const identity = await createClientCertificate();
      const pairing = new SimClient({ address: at(relay + 1), identity, ...options });
      const page = consoles[relay % consoles.length] ?? '';
      await Promise.all([pairing.pair(PIN), typePin(page, PIN)]);
      const { hostCertificatePem = '' } = pairing;
      return new SimClient({ address: at(relay), identity, hostCertificatePem, ...options });
    },
    close: async () => {
      await cluster.stop();
      await Promise.all(hosts.map((host) => host.stop()));
      await rm(folder, { recursive: true });
    },
  };
}

/** Streams under way. */
export interface Play {
  /** Ends them as clients do. @returns what each was like. */
  finish: () => Promise<StreamReport[]>;
  /** Waits until they end by themselves. */
  ended: () => Promise<StreamReport[]>;
}

/** All launch, one after the other; resolves when everybody has a picture. */
export async function playAll(clients: readonly SimClient[], options: StreamOptions = {}): Promise<Play> {
  const streams: Promise<StreamReport>[] = [];
  for (const client of clients) {
    const picture = Promise.withResolvers<unknown>();
    await client.launch(TEST_CARD);
    const stream = client.stream({ onFrame: picture.resolve, ...options });
    streams.push(stream);
    await Promise.race([picture.promise, stream]);
  }
  return {
    finish: () => {
      for (const client of clients) client.stop();
      return Promise.all(streams);
    },
    ended: () => Promise.all(streams),
  };
}
