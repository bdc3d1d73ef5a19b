/** What is lost when a relay with the kernel path is killed without a word under load, and started again. */
import { z } from 'zod';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { mountBpffs } from '../../test/support/bpffs.ts';
import { count, createMode } from '../mode.ts';
import type { RelayOpening } from '../relay-process.ts';
import { FLOWS } from '../stage/lanes.ts';
import { makeReady, measure, PACED, type Measurement, type Running } from '../stage/measure.ts';
import { onStage } from '../stage/stage.ts';
import { formatParts, formatTable } from '../tables.ts';
import { playRounds } from '../turns.ts';
import { addSessions, countInKernel, startRelay } from '../vs/candidates/relay.ts';

/** The next relays have the same ones, and the sink, busy receiving, could not be told others. */
const PORTS = { controlPort: 47_999, videoPort: 48_100, audioPort: 48_200 } as const;
/** When in a load the relay is killed, and how long it then stays away at least. */
const KILL_AT_MS = 2_000;
const AWAY_MS = 500;

const OPTIONS = z.object({
  rounds: count.default(5).describe('kills'),
  seconds: count.min(5).default(6).describe('of load around each'),
});

/** One kill. */
interface Outcome extends Pick<Measurement, 'sent' | 'delivered'> {
  /** From the kill until the next relay answered that it listens, ms. */
  downMs: number;
  /** Streams that the next relay found in the kernel and took up. */
  takenUp: number;
}

export const restart = createMode({
  name: 'restart',
  question: 'what is lost when the relay is killed under load',
  needs: 'Needs root; under a minute',
  options: OPTIONS,
  quick: { rounds: 1 },
  measure: async ({ rounds, seconds }) => {
    const pins = await mountBpffs();
    try {
      const outcomes = await onStage(async (stage): Promise<Outcome[]> => {
        const place = stage.addPlace(1);
        const opening: RelayOpening = {
          tableFolder: join(stage.folder, 'table'),
          config: { ...PORTS, datapath: 'kernel', datapathPinFolder: join(pins.path, 'gleipnir') },
        };
        const running: Running = { place, arePinging: true };
        let relay = await startRelay(place, opening);
        const { child } = relay;
        await addSessions(place, relay);
        await makeReady({ ...running, isReady: async () => (await countInKernel(child)) === FLOWS });
        return await playRounds(rounds, 'kill', async () => {
          const load = measure(running, { ...PACED, seconds });
          await delay(KILL_AT_MS);
          const killedAt = performance.now();
          process.kill(relay.child.pid, 'SIGKILL');
          await delay(AWAY_MS);
          relay = await startRelay(place, opening);
          const downMs = performance.now() - killedAt;
          const { sent, delivered } = await load;
          return { sent, delivered, downMs, takenUp: await countInKernel(relay.child) };
        });
      });
      return { rounds, seconds, outcomes };
    } finally {
      await pins.close();
    }
  },
  format: ({ seconds, outcomes }) =>
    formatParts(
      `SIGKILL of the relay under ${PACED.load.rate / 1000} thousand datagrams/s, ${FLOWS} flows, for ${seconds} s each`,
      formatTable(
        outcomes.map((outcome, index) => ({ kill: index + 1, ...outcome })),
        [
          ['kill', ({ kill }) => kill],
          ['datagrams sent', ({ sent }) => sent],
          ['lost', ({ sent, delivered }) => sent - delivered],
          ['relay away, ms', ({ downMs }) => downMs],
          ['streams taken up', ({ takenUp }) => `${takenUp} of ${FLOWS}`],
        ],
      ),
    ),
  files: () => [],
});
