/**
 * What RTSP may cost: sizes, times, connections, and trial decryptions of frames. A frame says nothing of its
 * session but that it opens under its key, so a stranger's costs one trial for each live session; trials for the
 * sessions of the frame's own source address have a budget that strangers elsewhere cannot use up.
 *
 * Many players may share one address: fifty that launch within five seconds open 350 connections, and need some
 * 9,000 trials when all of them encrypt.
 */
import { SourceLimiter, type LimiterRates } from '../../core/runtime/token-bucket.ts';
import { DOOR_LIMITS, type DoorLimits } from '../../core/runtime/door.ts';

/** What strangers and clients may cost; docs/limits.md says why. The known sources are those of live sessions. */
export interface RtspLimits extends DoorLimits {
  /** Largest request, head and body, or frame. */
  requestMaxBytes: number;
  /** From connect to the last byte of the request. */
  readTimeoutMs: number;
  /** For the whole exchange with the host; clients wait 15 s. */
  hostTimeoutMs: number;
  /** From the answer to the client's own close. */
  lingerMs: number;
  /** Trials of a frame with keys of sessions that were launched from the frame's own source. */
  nearTrials: LimiterRates;
  /** Trials with all other keys. */
  farTrials: LimiterRates;
}

export const RTSP_LIMITS: RtspLimits = {
  requestMaxBytes: 16 * 1024,
  readTimeoutMs: 5_000,
  hostTimeoutMs: 10_000,
  lingerMs: 2_000,
  ...DOOR_LIMITS.rtsp,
  nearTrials: {
    perSource: { burst: 10_000, perSecond: 2_500 },
    all: { burst: 20_000, perSecond: 5_000 },
  },
  farTrials: {
    perSource: { burst: 512, perSecond: 128 },
    all: { burst: 1_024, perSecond: 1_024 },
  },
};

/** Counts trial decryptions; a failed one costs some 30 microseconds, one of 16 kB twice that. */
export class FrameTrials {
  readonly #near: SourceLimiter;
  readonly #far: SourceLimiter;
  readonly #now: () => number;

  /** @param now milliseconds, of any clock. */
  constructor({ nearTrials, farTrials }: Pick<RtspLimits, 'nearTrials' | 'farTrials'>, now: () => number) {
    this.#near = new SourceLimiter(nearTrials);
    this.#far = new SourceLimiter(farTrials);
    this.#now = now;
  }

  /** Takes one trial of a frame from `source`. @param isNear whether the session was launched from there. */
  take(source: string, isNear: boolean): boolean {
    return (isNear ? this.#near : this.#far).take(source, this.#now());
  }
}
