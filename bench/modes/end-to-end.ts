/**
 * How late the frames of a simulated host are at a simulated client, straight and through the whole appliance, by the
 * stamp in each frame.
 */
import { z } from 'zod';
import { formatWires, summarizeWire, type Round, type Wire } from '../end-to-end/rounds.ts';
import { createRouted, ON_LOOPBACK, onStage } from '../end-to-end/stage.ts';
import { count, createMode } from '../mode.ts';
import { inTurn, playRounds } from '../turns.ts';

/** Code is compiled, the stream is established, and the kernel has taken it over. */
const WARM_MS = 1_000;

const OPTIONS = z.object({
  datapath: z
    .enum(['userspace', 'kernel'])
    .default('userspace')
    .describe('kernel: also an appliance that forwards there'),
  rounds: count.default(5).describe('of one stream on each wire'),
  seconds: count.default(10).describe('of each stream'),
  bitrate: count.default(20_000).describe('kbit/s'),
});

export const endToEnd = createMode({
  name: 'end-to-end',
  question: 'how late frames are at the client, straight and through the appliance',
  needs: 'With --datapath kernel, all runs in network namespaces, needs root and takes 3 minutes',
  options: OPTIONS,
  quick: { rounds: 2, seconds: 3 },
  measure: async ({ datapath, rounds, seconds, bitrate: bitrateKbps }) => {
    const isWithKernel = datapath === 'kernel';
    const wires: Wire[] = isWithKernel ? ['direct', 'userspace', 'kernel'] : ['direct', 'userspace'];
    const place = isWithKernel ? await createRouted() : ON_LOOPBACK;
    const each = await onStage(place, { wires, bitrateKbps, seconds, warmMs: WARM_MS }, (play) =>
      playRounds(rounds, 'round', async (round): Promise<Round> => {
        const played = await inTurn(wires, round, async (wire) => [wire, await play(wire)] as const);
        return Object.fromEntries(played);
      }),
    );
    const summaries = wires.map((wire) => summarizeWire(wire, each));
    return { isWithKernel, rounds, seconds, bitrateKbps, place: place.name, wires: summaries, each };
  },
  format: ({ wires }) => formatWires(wires),
});
