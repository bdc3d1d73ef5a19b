/**
 * The README's promise, as a user would see it: `npm start` on one machine, a client on another, hosts on others still.
 * Each machine is a network namespace; without root the file is skipped and says so.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { StreamReport } from '../sim/client/report.ts';
import { CONSOLE, Machines, type Player } from './support/machines.ts';
import { whyNoNamespaces, type Member } from './support/netns.ts';

const SECONDS = 10;
const FPS = 60;
/** Messages of two keys pressed and released: of a second, as the client presses them. */
const INPUT_UNDER_WAY_MAX = 4;
const reason = await whyNoNamespaces();

/** Nothing is lost, from the first frame until the end, where the picture still shows what is pressed. How many frames a second a machine makes is the bench's business. */
function expectGoodGame(report: StreamReport): void {
  expect(report.frames).toBeGreaterThan(FPS);
  expect(report.frames).toBeLessThanOrEqual((report.durationMs / 1000) * FPS * 1.01);
  expect(report).toMatchObject({
    firstFrameIndex: 1,
    lastFrameIndex: report.frames,
    framesDecodable: report.frames,
    framesLost: 0,
    audioLost: 0,
    foreignFrames: 0,
    end: 'stopped',
  });
  expect(report.inputEventsSent).toBeGreaterThan(2 * INPUT_UNDER_WAY_MAX);
  expect(report.inputEventsSent - report.inputEventsSeen).toBeLessThanOrEqual(INPUT_UNDER_WAY_MAX);
}

describe.skipIf(reason !== undefined)(
  `npm start, seen from another machine (${reason ?? 'namespaces'})`,
  () => {
    let machines: Machines;
    let edge: Member;

    beforeAll(async () => {
      machines = await Machines.open(4);
      edge = machines.member(0);
    });
    afterEach(() => machines.stopAll());
    afterAll(() => machines.close());

    function player(name: string): Player {
      return machines.player(machines.member(1), edge, name);
    }

    it('plays the demo: pair, list, stream, quit', async () => {
      const banner = await machines.npmStart(edge, { APPLIANCE_DATA_DIR: join(machines.directory, 'demo') });
      expect(banner).toContain(`add the host ${edge.address}`);
      expect(banner).toContain(CONSOLE);
      const ann = player('ann');
      await ann.pair();
      expect(await ann.list()).toMatchObject({ isPaired: true, apps: [{ title: 'Test card' }] });
      expectGoodGame(await ann.stream(SECONDS, '--encrypt'));
      expect(await ann.list()).toMatchObject({ isBusy: false });
    });

    it('plays on two hosts of hosts.yaml at once, after a person typed their PINs', async () => {
      const [hostA, hostB] = [machines.member(2), machines.member(3)];
      const hosts = {
        'host-a': await machines.startHost(hostA),
        'host-b': await machines.startHost(hostB),
      };
      const hostsFile = join(machines.directory, 'hosts.yaml');
      const entries = [
        `  - {name: host-a, address: ${hostA.address}}\n`,
        `  - {name: host-b, address: ${hostB.address}}\n`,
      ];
      await writeFile(hostsFile, `hosts:\n${entries.join('')}`);
      const data = { APPLIANCE_DATA_DIR: join(machines.directory, 'two'), APPLIANCE_HOSTS_FILE: hostsFile };
      await machines.npmStart(edge, data);
      await machines.typePinsAt(edge, hosts);

      const [bob, eve] = [player('bob'), player('eve')];
      await bob.pair();
      await eve.pair();
      await expect.poll(() => bob.list()).toMatchObject({ apps: [{ title: 'Test card' }] });
      const reports = await Promise.all([
        bob.stream(SECONDS, '--bitrate', '20000'),
        eve.stream(SECONDS, '--corever', '0'),
      ]);
      for (const report of reports) expectGoodGame(report);
    });
  },
);
