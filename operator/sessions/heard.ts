/**
 * Whether clients are still heard of, from looks at the rows of their streams alone: a relay that is gone for good leaves
 * rows that say `live` for ever. Clocks of two machines are not compared, and time in which nobody could look, as while
 * the table was away, hardly counts.
 */
import type { FlowRecord } from '../../core/session/record.ts';

/** A relay that is there hears a live client many times a second, and calls it silent after ten. */
const GONE_MS = 30_000;
/** What the time between two looks counts for at most: one and a half times what is usual. */
const LOOK_MS_MAX = 15_000;

export class Heard {
  /** Of live streams; bounded by the sessions. */
  readonly #looks = new Map<string, { lastSeenAt: number; quietMs: number; lookedAtMs: number }>();

  /** @returns the row of session `id` as it stands, or as `silent` where it has said the same for too long. */
  judge(id: string, flow: FlowRecord | undefined, nowMs: number): FlowRecord | undefined {
    if (flow?.status !== 'live') {
      this.#looks.delete(id);
      return flow;
    }
    const { lastSeenAt } = flow;
    const former = this.#looks.get(id);
    const isSame = former?.lastSeenAt === lastSeenAt;
    const quietMs = isSame ? former.quietMs + Math.min(nowMs - former.lookedAtMs, LOOK_MS_MAX) : 0;
    this.#looks.set(id, { lastSeenAt, quietMs, lookedAtMs: nowMs });
    return quietMs < GONE_MS ? flow : { ...flow, status: 'silent' };
  }

  forget(id: string): void {
    this.#looks.delete(id);
  }
}
