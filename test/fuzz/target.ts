/**
 * The process under fuzz: a whole appliance with a host and a client that plays all the time, on loopback. It is told
 * what to do, and tells how it is, by messages of its parent.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { AppliancePorts } from '../../appliance/appliance.ts';
import { isConnect } from '../../core/protocol/enet/connect.ts';
import { readPeerID, readSessionID } from '../../core/protocol/enet/header.ts';
import type { SimClient } from '../../sim/client/client.ts';
import type { StreamReport } from '../../sim/client/report.ts';
import { openLab } from '../support/lab.ts';
import { openTap } from '../support/tap.ts';
import type { Label } from './inputs.ts';

/** Kept of what was logged as an error; it should be none. */
const ERRORS_KEPT = 20;
const ERROR_LEVEL = 50;
const LOOK_MS = 5;

/** What the parent asks for. */
export type Question = 'drops' | 'memory' | 'finish';

/** What it is told; `ready` comes unasked. */
export type Answer =
  | { kind: 'ready'; ports: AppliancePorts; labels: Label[] }
  | { kind: 'drops'; dropped: Record<string, number> }
  | { kind: 'memory'; rssBytes: number; heapBytes: number }
  | {
      kind: 'finish';
      /** Of the client that played all the time, and of one that came afterwards. */
      played: StreamReport;
      next: StreamReport;
      errors: string[];
    };

const errors: string[] = [];
const lab = await openLab({
  onLogLine: (line) => {
    const { level } = JSON.parse(line) as { level: number };
    if (level >= ERROR_LEVEL && errors.length < ERRORS_KEPT) errors.push(line.trim());
  },
});

async function launch(): Promise<SimClient> {
  const client = await lab.createPairedClient();
  const [app] = await client.applist();
  await client.launch(app?.id ?? 0);
  return client;
}

async function answer(question: Question): Promise<Answer> {
  switch (question) {
    case 'drops':
      return { kind: question, dropped: await lab.metric('gleipnir_relay_dropped_total') };
    case 'memory': {
      collectGarbage();
      const { rss, heapUsed } = process.memoryUsage();
      return { kind: question, rssBytes: rss, heapBytes: heapUsed };
    }
    case 'finish':
      return finish();
  }
}

async function finish(): Promise<Answer> {
  player.stop();
  const played = await playing;
  await player.cancel();
  const newcomer = await launch();
  const next = await newcomer.stream({ seconds: 1 });
  await newcomer.cancel();
  return { kind: 'finish', played, next, errors };
}

/** The player's label, from the first datagram that has it. */
async function learnLabel(): Promise<Label> {
  for (;;) {
    const datagram = tap.sent.control.find((sent) => !isConnect(sent));
    if (datagram !== undefined) return { peerID: readPeerID(datagram), sessionID: readSessionID(datagram) };
    await delay(LOOK_MS);
  }
}

function send(message: Answer): void {
  process.send?.(message);
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const tap = await openTap(lab.ports);
const player = await launch();
const connected = Promise.withResolvers<undefined>();
const playing = player.stream({
  inputEveryMs: 500,
  mapPort: tap.mapPort,
  onConnect: () => {
    connected.resolve(undefined);
  },
});
await Promise.race([connected.promise, playing]);

process.on('message', (question: Question) => {
  // What fails here ends the process, and its parent says why.
  void answer(question).then(send);
});
process.on('disconnect', () => {
  void lab.close().finally(() => {
    process.exit();
  });
});
send({ kind: 'ready', ports: lab.ports, labels: [await learnLabel()] });
