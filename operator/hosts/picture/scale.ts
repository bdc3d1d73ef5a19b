/** Makes pictures small that are too large for the table, in a process of their own (docs/decisions/0022). */
import { execFile, type ExecFileException } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ART_BYTES_MAX } from '../../../core/session/host-record.ts';

const SCRIPT = join(import.meta.dirname, 'main.ts');
/** A large picture takes a second where nothing else runs; after this the process is killed, ms. */
const TIMEOUT_MS = 60_000;
/** Characters of what the process says of its failure. */
const REASON_MAX = 200;

/** A PNG of at most 600 x 800 pixels and ART_BYTES_MAX bytes, or why there is none, in words for the log. */
export type ScaleOutcome = { png: Buffer } | { reason: string };

const run = promisify(execFile);

/**
 * Never rejects: what is no PNG, JPEG or WebP of at most 16 megapixels has a reason, and so has all where the library
 * that decodes them is not installed.
 *
 * @param signal gives up.
 */
export async function scaleDown(picture: Uint8Array, signal: AbortSignal): Promise<ScaleOutcome> {
  const scaling = run(process.execPath, [SCRIPT], {
    encoding: 'buffer',
    maxBuffer: ART_BYTES_MAX,
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    signal,
    // It needs none of our settings.
    env: {},
  });
  // A process that ended early reads no more; how it ended says why.
  scaling.child.stdin?.on('error', () => undefined).end(picture);
  try {
    return { png: (await scaling).stdout };
  } catch (error) {
    return { reason: reasonOf(error as ExecFileException & { stderr?: Buffer }) };
  }
}

function reasonOf({ code, signal, stderr }: ExecFileException & { stderr?: Buffer }): string {
  const said = stderr?.toString().trim().slice(0, REASON_MAX) ?? '';
  return said === '' ? `the process ended with ${signal ?? code ?? 'nothing'}` : said;
}
