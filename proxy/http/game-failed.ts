/** A game that ended before its client could play: the operator's words, passed on to the person. */
import type { SessionStatus } from '../../core/crd/types.ts';
import { ERROR_TRAITS } from '../../core/runtime/errors.ts';

/** `status_code` where the session does not say why it ended. */
const UNKNOWN_REASON = 500;

/** Its message is the session's own, or a general one. */
export class GameFailed extends Error {
  override readonly name = 'GameFailed';
  /** `status_code` of the answer, from the reason in the session's status. */
  readonly statusCode: number;

  constructor({ message, reason }: Pick<SessionStatus, 'message' | 'reason'>) {
    super(message ?? 'The game ended before it could be played');
    const known = Object.entries(ERROR_TRAITS).find(([code]) => code === reason);
    this.statusCode = known?.[1].status ?? UNKNOWN_REASON;
  }
}
