/** `npm run bench`: which bench, by the first word of its name on the command line. Method and figures: README.md. */
import { readVersion } from '../core/runtime/command-line.ts';
import { runEndToEnd } from './end-to-end/command.ts';
import { runInstall } from './install/command.ts';
import { runLoopback } from './loopback.ts';
import { runComparison } from './vs/compare.ts';
import { runRestarts } from './vs/restart.ts';

const BENCHES = {
  '--vs': runComparison,
  '--install': runInstall,
  '--restart': runRestarts,
  '--end-to-end': runEndToEnd,
} as const;

const OTHERS = `
Others, each with a --help of its own:

  --vs          beside kernel forwarding, nftables, nginx, coturn and node:dgram
  --install     what sessions in the kernel's map cost
  --restart     what is lost when the relay is killed under load
  --end-to-end  how late frames are at the client, straight and through the appliance
`;

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--version')) {
    process.stdout.write(`gleipnir ${readVersion()}\n`);
    return;
  }
  for (const [name, run] of Object.entries(BENCHES)) {
    if (args.includes(name)) {
      await run(args);
      return;
    }
  }
  await runLoopback(args);
  if (args.includes('--help')) process.stdout.write(OTHERS);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
