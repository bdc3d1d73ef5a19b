/** What every program of this repository has in common on the command line: --help, --version, and how it fails. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { describeFailure, isCommandLineError, type FailureNames } from './failure.ts';
import { VERSION } from './version.ts';

/** Exit code of a command line that is wrong. */
const EXIT_USAGE = 2;

const STANDARD = {
  help: { type: 'boolean', default: false },
  version: { type: 'boolean', default: false },
} as const;

interface CommandLine<O extends ParseArgsOptionsConfig, P extends boolean> {
  /** Printed for --help; made only then. */
  usage: () => string;
  options: O;
  allowPositionals: P;
}

/**
 * Reads the command line of this process.
 *
 * @returns `undefined` when all was said by --help or --version.
 * @throws TypeError ERR_PARSE_ARGS_* for an option that is not there: `runProgram` makes a sentence of it.
 */
export function readCommandLine<O extends ParseArgsOptionsConfig, P extends boolean>({
  usage,
  options,
  allowPositionals,
}: CommandLine<O, P>):
  ReturnType<typeof parseArgs<{ options: O & typeof STANDARD; allowPositionals: P }>> | undefined {
  const parsed = parseArgs({ options: { ...options, ...STANDARD }, allowPositionals });
  const { help, version } = parsed.values as { help?: boolean; version?: boolean };
  if (version === true) process.stdout.write(`gleipnir ${VERSION}\n`);
  else if (help === true) process.stdout.write(usage());
  else return parsed;
  return undefined;
}

/** One Ctrl-C comes twice, from the terminal and from `tools/run.mjs`; what comes later, ms, is another. */
const SAME_REQUEST_MS = 1_000;

/** Runs a program to its end; a failure becomes sentences on standard error and exit code 1, or 2 for the command line. */
export async function runProgram(names: FailureNames, main: () => Promise<void> | void): Promise<void> {
  try {
    await main();
  } catch (error) {
    process.stderr.write(describeFailure(error, names));
    process.exit(isCommandLineError(error) ? EXIT_USAGE : 1);
  }
}

/**
 * Ends this process, once, when it is asked to: by Ctrl-C, SIGTERM, or the end of the `tools/run.mjs` that started it
 * (which holds an IPC channel for that and nothing else).
 *
 * @param stop what is to be done before; it has as long as it takes, and another request cuts it short.
 */
export function endOnRequest(names: FailureNames, stop: () => Promise<void>): void {
  let askedAt: number | undefined;
  const end = (): void => {
    if (askedAt !== undefined) {
      if (performance.now() - askedAt > SAME_REQUEST_MS) process.exit(1);
      return;
    }
    askedAt = performance.now();
    void runProgram(names, async () => {
      await stop();
      process.exit(0);
    });
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  process.once('disconnect', end);
}
