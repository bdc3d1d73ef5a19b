/**
 * `npm run bench -- --restart`: a relay with the kernel path is killed without a word under load, and started again. Counts what
 * came and what did not. Prints a table. Needs root.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { nowNs, type Child } from '../child.ts';
import { EDGE_PORT_BASE } from './candidates/candidate.ts';
import type { Generated } from './generator.ts';
import type { Group } from './group.ts';
import { FLOWS } from './lanes.ts';
import { measure } from './measure.ts';
import type { RestartCommands, RestartOpening } from './restart-relay.ts';
import type { Received } from './sink.ts';
import { createStage, type EdgeLane, type Stage } from './stage.ts';

const RATE = 50_000;
const PORTS = { controlPort: 47_999, videoPort: 48_100, audioPort: 48_200 } as const;
const BURST = 8;
const RUNS = 5;
/** Of the load; when in it the relay is killed, and how long it then stays away at least. */
const LOAD_MS = 6_000;
const KILL_AT_MS = 2_000;
const AWAY_MS = 500;
const DRAIN_MS = 100;
const LEAD_MS = 20;
const READY_TRIES = 60;
const NS_PER_MS = 1e6;

/** One kill. */
interface Outcome {
  sent: number;
  received: number;
  /** From the kill until the next relay answered that it listens, ms. */
  downMs: number;
  /** Streams that the next relay found in the kernel and took up. */
  takenUp: number;
}

interface Scene {
  stage: Stage;
  lane: EdgeLane & { edge: string };
  group: Group;
  opening: RestartOpening;
}

const USAGE = `npm run bench -- --restart

Kills the relay ${RUNS} times under load and starts it again each time. Needs root; under a minute.
`;

/** The command. @param args - of the command line, `--restart` among them */
export async function runRestarts(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { restart: { type: 'boolean' }, help: { type: 'boolean', default: false } },
  });
  process.stdout.write(values.help ? USAGE : format(await killAgainAndAgain()));
}

/** @throws Error where there can be no namespaces */
async function killAgainAndAgain(): Promise<Outcome[]> {
  const stage = await createStage();
  const pins = join(stage.folder, 'bpf');
  mkdirSync(pins);
  execFileSync('mount', ['-t', 'bpf', 'bpf', pins]);
  try {
    return await runAll(stage, pins);
  } finally {
    execFileSync('umount', [pins]);
    stage.close();
  }
}

async function runAll(stage: Stage, pins: string): Promise<Outcome[]> {
  stage.addLane(0);
  const lane = stage.addLane(1);
  if (lane.edge === undefined) throw new Error('The lane has no edge');
  const destinations = lane.clients.map(() => ({ address: lane.edgeToPod, port: EDGE_PORT_BASE + 1 }));
  const hostPorts = await stage.generator.ask('aim', { lane, destinations });
  const opening = {
    lane,
    tableFolder: join(stage.folder, 'table'),
    pinFolder: join(pins, 'gleipnir'),
    hostPorts,
    ports: PORTS,
  };
  const scene: Scene = {
    stage,
    lane: { ...lane, edge: lane.edge },
    group: stage.createGroup('restart'),
    opening,
  };
  let relay = await start(scene, opening);
  // The next ones have the same port, and the sink, busy receiving, could not be told.
  await stage.sink.ask('aimPings', { lane, port: PORTS.videoPort });
  await makeReady(scene, relay);
  const outcomes: Outcome[] = [];
  for (let run = 1; run <= RUNS; run += 1) {
    process.stderr.write(`kill ${run} of ${RUNS} ...\n`);
    const { outcome, next } = await killUnderLoad(scene, relay);
    outcomes.push(outcome);
    relay = next;
  }
  return outcomes;
}

/** Resolves once it listens. */
async function start({ lane, group }: Scene, opening: RestartOpening): Promise<Child<RestartCommands>> {
  const relay = group.start<RestartCommands>(lane.edge, new URL('./restart-relay.ts', import.meta.url), []);
  await relay.ask('open', opening);
  return relay;
}

/** Streams until the kernel forwards all flows. */
async function makeReady({ stage, lane, group }: Scene, relay: Child<RestartCommands>): Promise<void> {
  const candidate = {
    name: 'restart',
    title: 'restart',
    whyNot: () => undefined,
    start: () => Promise.reject(new Error()),
  };
  const entrant = { candidate, lane, group, running: { arePinging: true } };
  for (let attempt = 0; attempt < READY_TRIES; attempt += 1) {
    await measure(stage, entrant, { load: { rate: 5_000 }, burst: 4, seconds: 0.1 });
    if ((await countInKernel(relay)) === FLOWS) return;
  }
  throw new Error('The kernel does not forward');
}

async function countInKernel(relay: Child<RestartCommands>): Promise<number> {
  return (await relay.ask('stats', undefined))?.datapath.inKernel ?? 0;
}

async function killUnderLoad(
  scene: Scene,
  relay: Child<RestartCommands>,
): Promise<{ outcome: Outcome; next: Child<RestartCommands> }> {
  const load = stream(scene);
  await delay(KILL_AT_MS);
  const killedAt = performance.now();
  process.kill(relay.pid, 'SIGKILL');
  await delay(AWAY_MS);
  const next = await start(scene, { ...scene.opening, hostPorts: [] });
  const downMs = performance.now() - killedAt;
  const { sent, received } = await load;
  return { outcome: { sent, received, downMs, takenUp: await countInKernel(next) }, next };
}

/** The whole load. @returns datagrams sent, and those of them that came. */
async function stream({ stage, lane }: Scene): Promise<{ sent: number; received: number }> {
  const startNs = nowNs() + LEAD_MS * NS_PER_MS;
  const window = { startNs, fromNs: startNs, endNs: startNs + LOAD_MS * NS_PER_MS };
  const receiving: Promise<Received> = stage.sink.ask('receive', {
    window,
    drainNs: DRAIN_MS * NS_PER_MS,
    isTogether: false,
    pingLane: lane.index,
  });
  const sending: Promise<Generated> = stage.generator.ask('run', {
    lane: lane.index,
    window,
    load: { rate: RATE },
    burst: BURST,
    isSegmented: false,
  });
  const [{ delivered }, { sent }] = await Promise.all([receiving, sending]);
  return { sent, received: delivered };
}

function format(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(
    ({ sent, received, downMs, takenUp }, index) =>
      `| ${index + 1} | ${sent} | ${sent - received} | ${downMs.toFixed(0)} | ${takenUp} of ${FLOWS} |`,
  );
  return [
    `SIGKILL of the relay under ${RATE / 1000} thousand datagrams/s, ${FLOWS} flows, for ${LOAD_MS / 1000} s each`,
    '',
    '| kill | datagrams sent | lost | relay away, ms | streams taken up |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
