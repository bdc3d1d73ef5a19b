/** How a play was, summed up from the relay's rows while it lasted. */
import type { PlayQuality } from '../../core/history/event.ts';
import type { FlowRecord } from '../../core/session/record.ts';

type Counters = Pick<PlayQuality, 'videoLost' | 'videoDatagrams' | 'fecReports'>;
const NO_COUNTS: Counters = { videoLost: 0, videoDatagrams: 0, fecReports: 0 };
const MEANS = ['bitrateBps', 'jitterMs'] as const;

/** One generation of a session. Counts are the relay's own; means are of what was sampled. */
export class PlayTally {
  #counters: Counters | undefined;
  #sampled: PlayQuality | undefined;

  /** @param former what an earlier process saw of the same play. */
  constructor(former?: PlayQuality) {
    this.#sampled = former && { ...former, ...NO_COUNTS };
    this.#counters = former && countersOf(former);
  }

  /** Takes the row's counts. */
  note({ quality }: FlowRecord): void {
    if (quality === undefined) return;
    this.#counters = countersOf(quality);
  }

  /** Takes what the row says of the last `seconds`. */
  sample({ quality }: FlowRecord, seconds: number): void {
    if (quality === undefined) return;
    const { videoBps, audioBps, jitterMs, rttMs } = quality;
    const sample = { streamedS: seconds, bitrateBps: videoBps + audioBps, jitterMs, ...NO_COUNTS };
    this.#sampled = sumUp([
      ...(this.#sampled === undefined ? [] : [this.#sampled]),
      { ...sample, ...(rttMs === undefined ? {} : { rttMs }) },
    ]);
  }

  /** `undefined` for a play of which nothing was seen. */
  get quality(): PlayQuality | undefined {
    if (this.#counters === undefined) return undefined;
    return { ...(this.#sampled ?? { streamedS: 0, bitrateBps: 0, jitterMs: 0 }), ...this.#counters };
  }
}

function countersOf({ videoLost, videoDatagrams, fecReports }: Counters): Counters {
  return { videoLost, videoDatagrams, fecReports };
}

/** Several plays as one: means weighed by time, counts added. `undefined` for none. */
export function sumUp(plays: readonly PlayQuality[]): PlayQuality | undefined {
  const [first, ...others] = plays;
  return first && others.reduce(add, first);
}

function add(one: PlayQuality, other: PlayQuality): PlayQuality {
  const streamedS = one.streamedS + other.streamedS;
  const mean = (left: number, right: number): number =>
    streamedS === 0 ? 0 : (left * one.streamedS + right * other.streamedS) / streamedS;
  const [bitrateBps, jitterMs] = MEANS.map((figure) => mean(one[figure], other[figure])) as [number, number];
  const rttMs =
    one.rttMs === undefined || other.rttMs === undefined
      ? (one.rttMs ?? other.rttMs)
      : mean(one.rttMs, other.rttMs);
  return {
    streamedS,
    bitrateBps,
    jitterMs,
    ...(rttMs === undefined ? {} : { rttMs }),
    videoLost: one.videoLost + other.videoLost,
    videoDatagrams: one.videoDatagrams + other.videoDatagrams,
    fecReports: one.fecReports + other.fecReports,
  };
}
