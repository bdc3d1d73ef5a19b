/**
 * Which of several operators leads: the one that holds a lease, renewed while it lives.
 *
 * A holder that cannot renew stops leading before anybody else may begin: it counts from before its last renewal was
 * asked for, others from when they saw it, and both on a clock that only runs forward and goes on while a process
 * is stopped.
 */
import type { Logger } from '../../core/runtime/log.ts';
import type { LeaseState, LeaseStore } from '../../core/store/lease.ts';

export interface ElectionTimes {
  /** Others may take the lease so long after they saw its last renewal, ms. */
  durationMs: number;
  /** The holder leads no longer than this after it asked for its last renewal, ms; less than `durationMs`. */
  renewDeadlineMs: number;
  /** How often the holder renews, and the others look, ms. */
  retryMs: number;
}

/** As Kubernetes' own controllers have them. */
export const ELECTION_TIMES: ElectionTimes = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

export interface ElectionDeps {
  leases: LeaseStore;
  /** Of this process, unique. */
  identity: string;
  /** Called once, when this process begins to lead. `term` counts the leaders that there were, from 1. */
  onElected: (term: number) => void;
  /** Called once, when it does not lead any more; it never leads again. */
  onLost: () => void;
  log: Logger;
  times?: ElectionTimes;
  /** Monotonic, ms. */
  now?: () => number;
}

type Phase = 'standby' | 'leading' | 'over';

export class Election {
  readonly #deps: ElectionDeps;
  readonly #times: ElectionTimes;
  readonly #now: () => number;
  #phase: Phase = 'standby';
  #lease: LeaseState | undefined;
  /** When the lease was first seen as it stands. */
  #seenAt = 0;
  /** When the last renewal that succeeded was asked for. */
  #renewedAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: ElectionDeps) {
    this.#deps = deps;
    this.#times = deps.times ?? ELECTION_TIMES;
    this.#now = deps.now ?? (() => performance.now());
  }

  /** Takes part, until `stop` or until it lost the lease. */
  start(): void {
    void this.#round();
  }

  /** Whether this process may act as the leader at this very moment. */
  isLeading(): boolean {
    return this.#phase === 'leading' && this.#now() < this.#renewedAt + this.#times.renewDeadlineMs;
  }

  /** Who leads, as far as it is known; empty when nobody does. */
  leader(): string {
    return this.#lease?.holder ?? '';
  }

  /** Takes no more part; a lease that is held is given back, so that another may lead at once. */
  async stop(): Promise<void> {
    const wasLeading = this.isLeading();
    this.#phase = 'over';
    clearTimeout(this.#timer);
    if (!wasLeading || this.#lease === undefined) return;
    const { transitions } = this.#lease;
    await this.#deps.leases
      .write({ holder: '', durationMs: this.#times.durationMs, transitions }, this.#lease)
      .catch((err: unknown) => {
        this.#deps.log.warn({ err }, 'lease could not be given back');
      });
  }

  async #round(): Promise<void> {
    try {
      if (this.#phase === 'leading') await this.#renew();
      else await this.#tryToTake();
    } catch (err) {
      this.#deps.log.warn({ err }, 'lease could not be reached');
    }
    if (this.#phase === 'leading' && !this.isLeading()) this.#lose();
    if (this.#isOver()) return;
    this.#timer = setTimeout(() => void this.#round(), this.#waitMs());
  }

  /**
   * A holder whose renewal is late tries more often, but not beyond the moment at which leading ends. The others look
   * when the lease runs out, too.
   */
  #waitMs(): number {
    const { retryMs, renewDeadlineMs } = this.#times;
    const now = this.#now();
    if (this.#phase !== 'leading') {
      const leftMs = this.#seenAt + (this.#lease?.durationMs ?? 0) - now;
      return leftMs > 0 ? Math.min(retryMs, leftMs) : retryMs;
    }
    const isLate = now >= this.#renewedAt + retryMs;
    return Math.max(0, Math.min(isLate ? retryMs / 4 : retryMs, this.#renewedAt + renewDeadlineMs - now));
  }

  async #tryToTake(): Promise<void> {
    this.#see(await this.#deps.leases.read());
    const standing = this.#lease;
    const isFree = standing === undefined || standing.holder === '';
    if (!isFree && this.#now() < this.#seenAt + standing.durationMs) return;
    const askedAt = this.#now();
    const { identity: holder, leases } = this.#deps;
    const transitions = (standing?.transitions ?? 0) + 1;
    const taken = await leases.write({ holder, durationMs: this.#times.durationMs, transitions }, standing);
    if (taken === undefined || this.#isOver()) return;
    this.#see(taken);
    this.#renewedAt = askedAt;
    this.#phase = 'leading';
    this.#deps.log.info({ term: transitions }, 'this operator leads');
    this.#deps.onElected(transitions);
  }

  async #renew(): Promise<void> {
    const standing = this.#lease;
    if (standing === undefined || !this.isLeading()) return;
    const askedAt = this.#now();
    const { holder, durationMs, transitions } = standing;
    const renewed = await this.#deps.leases.write({ holder, durationMs, transitions }, standing);
    if (renewed !== undefined) {
      this.#lease = renewed;
      this.#renewedAt = askedAt;
      return;
    }
    // An answer of ours may have been lost: then it is still ours, in a version that we do not know.
    const found = await this.#deps.leases.read();
    if (found?.holder !== holder || found.transitions !== transitions) this.#lose();
    else this.#lease = found;
  }

  #see(lease: LeaseState | undefined): void {
    if (lease?.version !== this.#lease?.version) this.#seenAt = this.#now();
    this.#lease = lease;
  }

  #lose(): void {
    if (this.#isOver()) return;
    this.#phase = 'over';
    clearTimeout(this.#timer);
    this.#deps.log.error({ leader: this.leader() }, 'this operator leads no more');
    this.#deps.onLost();
  }

  /** A method, because the phase changes while others are awaited. */
  #isOver(): boolean {
    return this.#phase === 'over';
  }
}
