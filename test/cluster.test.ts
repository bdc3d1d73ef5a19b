/** The parts as processes: a client pairs at one relay and proxy, launches at another, plays and quits. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClientCertificate } from '../core/identity/certificate.ts';
import { SimClient } from '../sim/client/client.ts';
import { createSimHost, type SimHost } from '../sim/host/host.ts';
import { Cluster } from '../tools/cluster/cluster.ts';
import { addressesOf, consoleUrls } from '../tools/cluster/layout.ts';
import { whyNoCluster } from '../tools/cluster/missing.ts';
import { typePin } from './support/pin-page.ts';

const WHY_NOT = whyNoCluster();
describe.skipIf(WHY_NOT !== undefined)(
  `the parts apart${WHY_NOT === undefined ? '' : ` (${WHY_NOT})`}`,
  () => {
    let cluster: Cluster;
    let host: SimHost;
    let folder: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'gleipnir-hosts-'));
      const wolfSocket = join(folder, 'wolf.sock');
      host = createSimHost({ wolfSocket, sessionsMax: 32 });
      const { http } = await host.start();
      cluster = new Cluster({
        hosts: [{ name: 'host-0', address: '127.0.0.1', httpPort: http, capacity: 32, wolfSocket }],
        onLine: (name, line) => {
          console.log(`${name}: ${line}`);
        },
      });
      await cluster.start();
    });

    afterAll(async () => {
      await cluster.stop();
      await host.stop();
      await rm(folder, { recursive: true });
    });

    it('pairs at one, launches at another, plays, and quits', async () => {
      const [first = '', second = ''] = addressesOf('relay');
      const [, console2 = ''] = consoleUrls();
      const identity = await createClientCertificate();
      const client = new SimClient({ address: first, identity });
      await Promise.all([client.pair('1234'), typePin(console2, '1234')]);
      const { hostCertificatePem = '' } = client;
      const other = new SimClient({ address: second, identity, hostCertificatePem });
      await expect.poll(async () => (await other.applist()).map(({ title }) => title)).toContain('Test card');
      const [app] = await other.applist();
      await other.launch(app?.id ?? 0);
      const report = await other.stream({ seconds: 3 });
      console.log(report);
      expect(report).toMatchObject({ framesLost: 0, foreignFrames: 0, end: 'stopped' });
      await other.cancel();
      expect(host.sessions()).toEqual([]);
    });
  },
);
