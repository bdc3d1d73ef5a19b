/** Promise 1 on parts that run apart: every connection may come to another proxy, and nobody meets anybody else. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SimClient } from '../sim/client/client.ts';
import { planParts } from '../tools/cluster/layout.ts';
import {
  CLUSTER_MISSING,
  IS_CLUSTER_MISSING,
  openClusterLab,
  type ClusterLab,
} from './support/cluster-lab.ts';
import { CROWD_FPS, expectOwnInputs, expectOwnStream, optionsOf, play, UNMISTAKEN } from './support/crowd.ts';

const CLIENTS = 50;
const HOSTS = 5;
const SECONDS = 6;
/** Two shared cores carry seven processes and all that hosts and clients do. */
const LAUNCH_SPREAD_MS = 20_000;

describe.skipIf(IS_CLUSTER_MISSING)(
  `clients behind one address, and parts that run apart${CLUSTER_MISSING}`,
  () => {
    let lab: ClusterLab;

    beforeAll(async () => {
      lab = await openClusterLab({ hosts: HOSTS, capacity: CLIENTS / HOSTS });
    });
    afterAll(() => lab.close());

    it(`are ${CLIENTS} at 2 relays whose connections 2 proxies take in turns, and each plays its own game`, async () => {
      const { hosts } = lab;
      const clients: SimClient[] = [];
      for (let index = 0; index < CLIENTS; index += 1) {
        clients.push(await lab.createPairedClient(optionsOf(index), index));
      }
      const reports = await Promise.all(
        clients.map(async (client, index) => {
          await delay((index * LAUNCH_SPREAD_MS) / CLIENTS);
          return play(client, index, SECONDS);
        }),
      );

      for (const [index, report] of reports.entries()) {
        expectOwnStream(report, `client ${index}`);
        expect(report.frames, `client ${index}`).toBeGreaterThan(CROWD_FPS);
      }
      expectOwnInputs(hosts, clients, reports);
      expect(hosts.map((host) => host.sessions().length)).toEqual(hosts.map(() => CLIENTS / HOSTS));
      for (const name of ['relay-1', 'relay-2']) await expectNothingAstray(name);
      for (const name of ['proxy-1', 'proxy-2'])
        expect(handshakesAt(name), name).toBeGreaterThan(CLIENTS / 10);
      const lost = reports.reduce((sum, { framesLost }) => sum + framesLost, 0);
      console.log(
        `${CLIENTS} clients: ${lost} frames lost of ${reports.reduce((sum, { frames }) => sum + frames, 0)}`,
      );

      for (const client of clients) await client.cancel();
      expect(hosts.flatMap((host) => host.sessions())).toEqual([]);
    }, 300_000);

    /** RTSP handshakes whose last request came to this proxy. */
    function handshakesAt(name: string): number {
      return lab.lines.filter((each) => each.name === name && each.line.includes('rtsp handshake complete'))
        .length;
    }

    /** No datagram of any client was taken for somebody else's. */
    async function expectNothingAstray(name: string): Promise<void> {
      const plans = planParts({ folder: '', redisUrl: '', kubeconfig: '', logFormat: 'json' });
      const { readyUrl } = plans.find((each) => each.name === name) ?? { readyUrl: '' };
      const metrics = await (await fetch(new URL('/metrics', readyUrl))).text();
      for (const reason of UNMISTAKEN) {
        expect(metrics).toContain(`gleipnir_relay_dropped_total{reason="${reason}"} 0`);
      }
    }
  },
);
