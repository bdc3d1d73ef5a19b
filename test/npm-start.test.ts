/**
 * The README's promise, as a user would see it: `npm start` on one machine, a client on another, hosts on others still.
 * Each machine is a network namespace; without root the file is skipped and says so.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { StreamReport } from '../sim/client/report.ts';
import { createNetwork, interrupt, whyNoNamespaces, type Member, type Network } from './support/netns.ts';

const SECONDS = 10;
const PAGE = 'http://127.0.0.1:47990/';
const root = join(import.meta.dirname, '..');
const reason = await whyNoNamespaces();

let directory: string;
let network: Network;
/** What the current test started. */
const running: ChildProcess[] = [];

beforeAll(async () => {
  if (reason !== undefined) return;
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-start-'));
  network = await createNetwork(4);
});

afterAll(async () => {
  if (reason !== undefined) return;
  await network.close();
  await rm(directory, { recursive: true });
});

afterEach(async () => {
  await Promise.all(running.splice(0).map(interrupt));
});

const member = (index: number): Member => {
  const found = network.members[index];
  if (found === undefined) throw new Error(`there is no machine ${index}`);
  return found;
};
const [EDGE, PLAYER, HOST_A, HOST_B] = [0, 1, 2, 3] as const;

/** Runs a TypeScript file of this repository on a machine, in the test's own Node. */
function node(machine: Member, file: string, args: string[]): Promise<string> {
  return machine.run(process.execPath, [join(root, file), ...args]);
}

async function client(name: string, ...args: string[]): Promise<Record<string, unknown>> {
  const identity = ['--identity', join(directory, `${name}.json`), '--host', member(EDGE).address];
  return JSON.parse(await node(member(PLAYER), 'sim/client/main.ts', [...args, ...identity])) as Record<
    string,
    unknown
  >;
}

async function pair(name: string): Promise<void> {
  const [paired] = await Promise.all([
    client(name, 'pair', '--pin', '1234'),
    node(member(EDGE), 'test/support/pin-page.main.ts', [PAGE, 'type', '1234']),
  ]);
  expect(paired).toEqual({ paired: true });
}

async function stream(name: string, ...args: string[]): Promise<StreamReport> {
  const report = await client(
    name,
    'stream',
    '--seconds',
    String(SECONDS),
    '--input-every',
    '500',
    '--quit',
    ...args,
  );
  return report as unknown as StreamReport;
}

/** `npm start` on the edge. @returns what it printed, once it said that it is up. */
async function start(env: Record<string, string>): Promise<string> {
  const child = member(EDGE).spawn('npm', ['start', '--silent'], { ...env, LOG_LEVEL: 'warn' });
  running.push(child);
  return output(child, /Stop with Ctrl-C/);
}

/** What a child says until `wanted` is in it. */
function output(child: ChildProcess, wanted: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (wanted.test(text)) resolve(text);
      });
    }
    child.once('exit', () => {
      reject(new Error(`ended before ${wanted.source}:\n${text}`));
    });
  });
}

function expectGoodGame(report: StreamReport): void {
  expect(report.frames).toBeGreaterThanOrEqual(SECONDS * 60 * 0.99);
  expect(report.frames).toBeLessThanOrEqual(SECONDS * 60 * 1.01);
  expect(report).toMatchObject({ framesLost: 0, audioLost: 0, foreignFrames: 0, end: 'stopped' });
  expect(report.inputEventsSeen).toBeGreaterThan(0);
  expect(report.firstFrameMs).toBeLessThan(300);
}

describe.skipIf(reason !== undefined)(
  `npm start, seen from another machine (${reason ?? 'namespaces'})`,
  () => {
    it('plays the demo: pair, list, stream, quit', async () => {
      const banner = await start({ APPLIANCE_DATA_DIR: join(directory, 'demo') });
      expect(banner).toContain(`add the host ${member(EDGE).address}`);
      expect(banner).toContain(PAGE);
      await pair('ann');
      expect(await client('ann', 'list')).toMatchObject({ isPaired: true, apps: [{ title: 'Test card' }] });
      expectGoodGame(await stream('ann', '--encrypt'));
      expect(await client('ann', 'list')).toMatchObject({ isBusy: false });
    });

    it('plays on two hosts of hosts.yaml at once, after a person typed their PINs', async () => {
      const hosts = await Promise.all([HOST_A, HOST_B].map((index) => startHost(member(index))));
      const hostsFile = join(directory, 'hosts.yaml');
      const entries = [HOST_A, HOST_B].map(
        (index) => `  - {name: host-${index}, address: ${member(index).address}}\n`,
      );
      await writeFile(hostsFile, `hosts:\n${entries.join('')}`);
      const data = { APPLIANCE_DATA_DIR: join(directory, 'two'), APPLIANCE_HOSTS_FILE: hostsFile };
      await start(data);
      const pins = JSON.parse(
        await node(member(EDGE), 'test/support/pin-page.main.ts', [PAGE, 'read']),
      ) as Record<string, string>;
      for (const [offset, host] of hosts.entries())
        host.stdin?.write(`${pins[`host-${offset + 2}`] ?? ''}\n`);

      await pair('bob');
      await pair('eve');
      await expect
        .poll(() => client('bob', 'list'), { timeout: 15_000 })
        .toMatchObject({ apps: [{ title: 'Test card' }] });
      const reports = await Promise.all([
        stream('bob', '--bitrate', '20000'),
        stream('eve', '--corever', '0'),
      ]);
      for (const report of reports) expectGoodGame(report);
    });
  },
);

async function startHost(machine: Member): Promise<ChildProcess> {
  const env = { SIM_HOST_BIND_ADDRESS: machine.address, SIM_HOST_SESSIONS_MAX: '1' };
  const child = machine.spawn(process.execPath, [join(root, 'sim/host/main.ts')], env);
  running.push(child);
  await output(child, /simulated host is up/);
  return child;
}
