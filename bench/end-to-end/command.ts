/**
 * `npm run bench -- --end-to-end`: how late the frames of a simulated host are at a simulated client, straight and
 * through the whole appliance, by the stamp in each frame. Prints tables and writes ../results/end-to-end.json.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { createLoopback, createRouted } from './place.ts';
import { formatWires, playRounds, summarizeWire, type Round, type Wire, type WireSummary } from './rounds.ts';
import { openStage } from './stage.ts';

const USAGE = `npm run bench -- --end-to-end [options]

  --datapath kernel  also an appliance that forwards in the kernel; all in network namespaces, needs root
  --rounds N         one stream on each wire per round; default 5
  --seconds N        of each stream; default 10
  --bitrate KBPS     default 20000
  --quick            2 rounds of 3 seconds: for trying things out, not for figures
`;

/** Code is compiled, the stream is established, and the kernel has taken it over. */
const WARM_MS = 1_000;

/** What is measured. */
export interface EndToEndPlan {
  /** Whether an appliance that forwards in the kernel takes part. */
  isWithKernel: boolean;
  rounds: number;
  seconds: number;
  bitrateKbps: number;
}

/** What was found. */
export interface EndToEndResults extends EndToEndPlan {
  /** Where all of it ran. */
  place: string;
  wires: WireSummary[];
  each: Round[];
}

/** Plays all rounds. @throws Error where namespaces are wanted and cannot be had */
export async function measureEndToEnd(plan: EndToEndPlan): Promise<EndToEndResults> {
  const wires: Wire[] = plan.isWithKernel ? ['direct', 'userspace', 'kernel'] : ['direct', 'userspace'];
  const place = plan.isWithKernel ? await createRouted() : createLoopback();
  try {
    const stage = await openStage(place, { ...plan, wires, warmMs: WARM_MS });
    try {
      const each = await playRounds(wires, plan.rounds, (wire) => {
        process.stderr.write(`${wire} ...\n`);
        return stage.play(wire);
      });
      return { ...plan, place: place.name, wires: wires.map((wire) => summarizeWire(wire, each)), each };
    } finally {
      await stage.stop();
    }
  } finally {
    place.close();
  }
}

/** The command. @param args - of the command line, `--end-to-end` among them */
export async function runEndToEnd(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'end-to-end': { type: 'boolean' },
      datapath: { type: 'string', default: 'userspace' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '10' },
      bitrate: { type: 'string', default: '20000' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const numbers = [values.rounds, values.seconds, values.bitrate].map(Number);
  const isKnown = ['userspace', 'kernel'].includes(values.datapath);
  if (values.help || !isKnown || numbers.some((value) => !Number.isInteger(value) || value < 1)) {
    process.stdout.write(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const [rounds = 1, seconds = 1, bitrateKbps = 1] = numbers;
  const results = await measureEndToEnd({
    isWithKernel: values.datapath === 'kernel',
    ...(values.quick ? { rounds: 2, seconds: 3 } : { rounds, seconds }),
    bitrateKbps,
  });
  await writeFile(
    new URL('../results/end-to-end.json', import.meta.url),
    `${JSON.stringify(results, null, 2)}\n`,
  );
  process.stdout.write(`${formatWires(results.wires)}\n`);
}
