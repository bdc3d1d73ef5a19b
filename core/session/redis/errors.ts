/** What is said of a Redis that fails: never a command's arguments or a reply, which hold secrets. */
import { GleipnirError, type ErrorDetails } from '../../runtime/errors.ts';

/** A command that took too long. */
export class CommandTimeout extends Error {
  override readonly name = 'CommandTimeout';
}

/** The failure of a command or of a row that is lost. */
export function tableUnavailable(details: ErrorDetails): GleipnirError {
  return new GleipnirError('TABLE_UNAVAILABLE', 'The session table does not answer right now', details);
}

/** Why a command failed: Redis's own code in capitals, `timeout`, or `connection`. */
export function reasonOf(error: unknown): string {
  if (error instanceof CommandTimeout) return 'timeout';
  const code = error instanceof Error ? /^[A-Z]{2,}\b/.exec(error.message)?.[0] : undefined;
  return code === undefined || code === 'ECONNREFUSED' ? 'connection' : code;
}
