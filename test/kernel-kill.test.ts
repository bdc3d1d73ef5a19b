/**
 * The whole appliance with the kernel path, killed without a word in the middle of a game and started again: the player
 * loses nothing. Machines are network namespaces.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { mountBpffs, type BpfFolder } from './support/bpffs.ts';
import { whyNoKernelPath } from './support/kernel-suite.ts';
import { CONSOLE, Machines, type Player } from './support/machines.ts';
import type { Member } from './support/netns.ts';

const SECONDS = 12;
/** Control, video and audio of one session. */
const ROUTES = 3;
const reason = await whyNoKernelPath();

describe.skipIf(reason !== undefined)(
  `kernel path, the appliance is killed${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    let machines: Machines;
    let edge: Member;
    let bpffs: BpfFolder;
    let env: Record<string, string>;

    beforeAll(async () => {
      bpffs = await mountBpffs();
      machines = await Machines.open(3);
      edge = machines.member(0);
      const hostsFile = join(machines.directory, 'hosts.yaml');
      await writeFile(hostsFile, `hosts:\n  - {name: pod, address: ${machines.member(2).address}}\n`);
      env = {
        APPLIANCE_DATA_DIR: join(machines.directory, 'data'),
        APPLIANCE_HOSTS_FILE: hostsFile,
        RELAY_DATAPATH: 'kernel',
        RELAY_DATAPATH_PIN_FOLDER: join(bpffs.path, 'gleipnir'),
      };
    });
    afterEach(() => machines.stopAll());
    afterAll(async () => {
      await machines.close();
      await bpffs.close();
    });

    async function get(path: string): Promise<string> {
      const script = `process.stdout.write(await (await fetch('${CONSOLE}${path}')).text())`;
      return edge.run(process.execPath, ['--input-type=module', '--eval', script]);
    }

    async function countRoutes(): Promise<number> {
      return Number(/^gleipnir_relay_datapath_kernel_routes (\d+)$/m.exec(await get('metrics'))?.[1]);
    }

    async function openGame(): Promise<{ appliance: ChildProcess; player: Player }> {
      const host = await machines.startHost(machines.member(2));
      const appliance = await machines.startAppliance(edge, env);
      await machines.typePinsAt(edge, { pod: host });
      const player = machines.player(machines.member(1), edge, 'ann');
      await player.pair();
      await expect.poll(() => player.list()).toMatchObject({ apps: [{ title: 'Test card' }] });
      return { appliance, player };
    }

    it('goes on without losing a datagram', async () => {
      const { appliance, player } = await openGame();
      expect(JSON.parse(await get('healthz'))).toEqual({
        status: 'ok',
        datapath: { engine: 'kernel', reason: 'configured' },
      });
      const game = player.stream(SECONDS, '--bitrate', '20000');
      await expect.poll(countRoutes).toBe(ROUTES);

      const gone = once(appliance, 'exit');
      process.kill(-(appliance.pid ?? 0), 'SIGKILL');
      await gone;
      await machines.startAppliance(edge, env);
      await expect.poll(countRoutes).toBe(ROUTES);

      const report = await game;
      expect(report).toMatchObject({
        framesLost: 0,
        fecRepaired: 0,
        audioLost: 0,
        audioRepaired: 0,
        end: 'stopped',
      });
      expect(report.frames).toBeGreaterThanOrEqual(SECONDS * 60 * 0.99);
      expect(report.inputEventsSeen).toBeGreaterThan(0);
    });

    it('lets go of the kernel with --unpin', async () => {
      const unpin = (): Promise<string> =>
        edge.run('env', [
          ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
          process.execPath,
          join(import.meta.dirname, '../appliance/main.ts'),
          '--unpin',
        ]);
      const folder = env['RELAY_DATAPATH_PIN_FOLDER'];
      // Two maps, the program, and the link of the one device.
      expect(await unpin()).toBe(`${folder}: 4 names removed.\n`);
      expect(await unpin()).toBe(`${folder}: 0 names removed.\n`);
    });
  },
);
