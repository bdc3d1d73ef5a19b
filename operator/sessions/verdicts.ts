/** Why sessions end, in words for the person who played or wanted to. */
import type { ErrorCode } from '../../core/runtime/errors.ts';

/** `reason` where it is an error. */
export interface Verdict {
  message: string;
  reason?: ErrorCode;
}

export const HOST_IS_DOWN: Verdict = {
  message: 'The machine that played this game does not answer any more',
  reason: 'HOST_UNREACHABLE',
};
export const GAME_HAS_ENDED: Verdict = { message: 'The game was ended on its machine' };
export const IS_NOT_PAIRED: Verdict = { message: 'This client is not paired any more', reason: 'NOT_PAIRED' };

/** For somebody who has `gamesMax` games already, which is all that they may have. */
export function tooManyGames(gamesMax: number): Verdict {
  const reason = 'GAMES_LIMITED';
  if (gamesMax === 0) return { message: 'You may not play games here', reason };
  if (gamesMax === 1) return { message: 'You may play 1 game at once; end it first', reason };
  return { message: `You may play ${gamesMax} games at once; end one first`, reason };
}
