/** `npm run bench`: chooses the mode by its name on the command line. Method and figures: README.md. */
import { VERSION } from '../core/runtime/version.ts';
import { endToEnd } from './modes/end-to-end.ts';
import { install } from './modes/install.ts';
import { loopback } from './modes/loopback.ts';
import { restart } from './modes/restart.ts';
import { vs } from './modes/vs.ts';

const NAMED = [vs, install, restart, endToEnd];

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--version')) {
    process.stdout.write(`gleipnir ${VERSION}\n`);
    return;
  }
  const named = NAMED.find(({ name }) => args.includes(`--${name}`));
  await (named ?? loopback).run(args);
  if (named !== undefined || !args.includes('--help')) return;
  const lines = NAMED.map(({ name, question }) => `  --${name.padEnd(12)} ${question}\n`);
  process.stdout.write(`\nOthers, each with a --help of its own:\n\n${lines.join('')}`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
