/**
 * What the relay says of the streams, followed: the last minutes of each for pictures, kept in memory only, and every
 * row for whoever sums it up.
 */
import { FlowFollower } from '../../core/session/flows.ts';
import type { FlowRecord } from '../../core/session/record.ts';
import type { TableReader } from '../../core/session/table.ts';
import type { Logger } from '../../core/runtime/log.ts';

/** Time between two samples, s. */
export const SAMPLE_S = 5;
/** Ten minutes of them. */
export const SAMPLES_MAX = 120;

/** What is sampled: bits per second, percent of the datagrams since the last sample, ms, ms. */
export const SAMPLED = ['bitrateBps', 'lossPercent', 'jitterMs', 'rttMs'] as const;
export type SampledFigure = (typeof SAMPLED)[number];
/** Oldest first, SAMPLE_S apart, at most SAMPLES_MAX of each; `null` while nothing streamed or it was not known. */
export type Samples = Record<SampledFigure, (number | null)[]>;

export interface StreamsDeps {
  table: TableReader;
  log: Logger;
}
type RowListener = (row: FlowRecord) => void;

export class Streams {
  readonly #flows: FlowFollower;
  /** One for each session that has a flow row. */
  readonly #rings = new Map<string, Ring>();
  /** Those of the console's own parts, both. */
  readonly #rowListeners = new Set<RowListener>();
  readonly #sampleListeners = new Set<RowListener>();
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: StreamsDeps) {
    this.#flows = new FlowFollower(deps);
    this.#flows.onChange((id) => {
      const row = this.#flows.newestOf(id);
      if (row === undefined) this.#rings.delete(id);
      else for (const listener of this.#rowListeners) listener(row);
    });
  }

  /** @throws what the table threw when it could not be read. */
  async start(): Promise<void> {
    await this.#flows.start();
    this.#timer = setInterval(() => {
      this.sample();
    }, SAMPLE_S * 1_000).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#flows.stop();
  }

  /** Tells `listener` every row as it changes. */
  onRow(listener: RowListener): void {
    this.#rowListeners.add(listener);
  }

  /** Tells `listener` the row of each stream that runs, every SAMPLE_S seconds. */
  onSample(listener: RowListener): void {
    this.#sampleListeners.add(listener);
  }

  /** Takes one sample of every stream; done by itself between `start` and `stop`. */
  sample(): void {
    for (const id of this.#flows.sessions()) {
      const row = this.#flows.newestOf(id);
      if (row === undefined) continue;
      const isLive = row.status === 'live' && row.quality !== undefined;
      let ring = this.#rings.get(id);
      if (ring === undefined) {
        if (!isLive) continue;
        ring = new Ring();
        this.#rings.set(id, ring);
      }
      ring.push(row, isLive);
      if (isLive) for (const listener of this.#sampleListeners) listener(row);
    }
  }

  /** The row of a session that tells how it does. */
  rowOf(id: string): FlowRecord | undefined {
    return this.#flows.newestOf(id);
  }

  /** The last ten minutes of a session; `undefined` before its first sample. */
  samplesOf(id: string): Samples | undefined {
    return this.#rings.get(id)?.read();
  }
}

/** SAMPLES_MAX samples of one session, 2 KB, the oldest overwritten first. */
class Ring {
  /** NaN where something is not known. */
  readonly #values = new Float32Array(SAMPLES_MAX * SAMPLED.length);
  #count = 0;
  #former: { generation: number; lost: number; datagrams: number } | undefined;

  push(row: FlowRecord, isLive: boolean): void {
    const figures = isLive ? this.#figuresOf(row) : undefined;
    const offset = (this.#count % SAMPLES_MAX) * SAMPLED.length;
    for (const [index, figure] of SAMPLED.entries()) {
      this.#values[offset + index] = figures?.[figure] ?? Number.NaN;
    }
    this.#count += 1;
  }

  read(): Samples {
    const kept = Math.min(this.#count, SAMPLES_MAX);
    const column = (index: number): (number | null)[] =>
      Array.from({ length: kept }, (_, age) => {
        const place = (this.#count - kept + age) % SAMPLES_MAX;
        const value = this.#values[place * SAMPLED.length + index] ?? Number.NaN;
        return Number.isNaN(value) ? null : value;
      });
    return { bitrateBps: column(0), lossPercent: column(1), jitterMs: column(2), rttMs: column(3) };
  }

  #figuresOf({ generation, quality }: FlowRecord): Partial<Record<SampledFigure, number>> {
    if (quality === undefined) return {};
    const { videoBps, audioBps, videoLost, videoDatagrams, jitterMs, rttMs } = quality;
    const isNew = this.#former?.generation !== generation;
    const lost = Math.max(0, videoLost - (isNew ? 0 : (this.#former?.lost ?? 0)));
    const came = Math.max(0, videoDatagrams - (isNew ? 0 : (this.#former?.datagrams ?? 0)));
    this.#former = { generation, lost: videoLost, datagrams: videoDatagrams };
    const lossPercent = lost + came === 0 ? 0 : (100 * lost) / (lost + came);
    const known = { bitrateBps: videoBps + audioBps, lossPercent, jitterMs };
    return rttMs === undefined ? known : { ...known, rttMs };
  }
}
