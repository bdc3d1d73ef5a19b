/**
 * How late the frames of a simulated host are at a simulated client, straight and through the whole appliance, by the
 * stamp in each frame.
 */
import { createLoopback, createRouted } from '../end-to-end/place.ts';
import { formatWires, summarizeWire, type Round, type Wire, type WireSummary } from '../end-to-end/rounds.ts';
import { onStage } from '../end-to-end/stage.ts';
import { createMode } from '../mode.ts';
import { inTurn, playRounds } from '../turns.ts';

/** Code is compiled, the stream is established, and the kernel has taken it over. */
const WARM_MS = 1_000;

interface Plan extends Record<'rounds' | 'seconds' | 'bitrate', number> {
  datapath: string;
}

interface Results {
  /** Whether an appliance that forwards in the kernel takes part. */
  isWithKernel: boolean;
  rounds: number;
  seconds: number;
  bitrateKbps: number;
  /** Where all of it ran. */
  place: string;
  wires: WireSummary[];
  each: Round[];
}

export const endToEnd = createMode<Plan, Results>({
  name: 'end-to-end',
  question: 'how late frames are at the client, straight and through the appliance',
  needs: 'With --datapath kernel, all runs in network namespaces, needs root and takes 3 minutes',
  options: {
    datapath: {
      about: 'kernel: also an appliance that forwards there',
      value: 'userspace',
      among: ['userspace', 'kernel'],
    },
    rounds: { about: 'of one stream on each wire', value: 5, quick: 2 },
    seconds: { about: 'of each stream', value: 10, quick: 3 },
    bitrate: { about: 'kbit/s', value: 20_000 },
  },
  measure: async ({ datapath, rounds, seconds, bitrate: bitrateKbps }) => {
    const isWithKernel = datapath.includes('kernel');
    const wires: Wire[] = isWithKernel ? ['direct', 'userspace', 'kernel'] : ['direct', 'userspace'];
    const place = isWithKernel ? await createRouted() : createLoopback();
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
