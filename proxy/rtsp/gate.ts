/**
 * The gate: at most one session of each source address is between the answer to its /launch (or /resume) and
 * its PLAY, among those that will use plain RTSP. Below 15 Mbit/s such a client's first RTSP requests carry
 * nothing but the source address, so only the holder of the gate matches by address.
 *
 * It is a claim in the session table, so every proxy knows one holder. Whoever sees a generation end frees it.
 * Addresses are compared as text: callers pass them in canonical form.
 */
import type { Logger } from '../../core/runtime/log.ts';
import type { SessionRecord } from '../../core/session/record.ts';
import type { TableClaims } from '../../core/session/table.ts';
import { Turns } from '../turns.ts';

/** Longest time between the answer to /launch and PLAY, ms; a client that is later matches by address no more. */
export const GATE_HOLD_MS = 12_000;

/** A generation of a session, and the address that its client launched it from. */
export interface GateTicket {
  id: string;
  generation: number;
  address: string;
}

export interface RtspGateDeps {
  claims: TableClaims;
  log: Logger;
  /** How long a session may keep the gate without PLAY, ms. Default GATE_HOLD_MS. */
  holdMs?: number;
}

/** One gate for each source address. */
export class RtspGate {
  readonly #deps: RtspGateDeps;
  /** By address: who came first to this process is first. */
  readonly #turns = new Turns();

  constructor(deps: RtspGateDeps) {
    this.#deps = deps;
  }

  /**
   * Waits until nobody else holds the gate of the address, and takes it. Call it when the host is ready, just before
   * answering. Who holds it already holds it anew.
   *
   * @throws the signal's reason when it aborts first (the client went away); what the table throws.
   */
  async enter(ticket: GateTicket, signal: AbortSignal = new AbortController().signal): Promise<void> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort);
    try {
      signal.throwIfAborted();
      // Whoever gives up does not wait for its turn first.
      await Promise.race([aborted, this.#turns.run(ticket.address, () => this.#acquire(ticket, signal))]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Frees the gate if this generation holds it: after PLAY, or because it ended. Idempotent. */
  leave(ticket: GateTicket): void {
    const { claims, log } = this.#deps;
    claims.release(nameOf(ticket.address), holderOf(ticket)).catch((err: unknown) => {
      log.warn({ sessionId: ticket.id, err }, 'rtsp gate not freed: it runs out by itself');
    });
  }

  /** The generation that matches by source address now. @throws what the table throws. */
  async holderOf(address: string): Promise<Omit<GateTicket, 'address'> | undefined> {
    const [id, generation] = (await this.#deps.claims.look(nameOf(address)))?.holder.split(' ') ?? [];
    return id === undefined ? undefined : { id, generation: Number(generation) };
  }

  async #acquire(ticket: GateTicket, signal: AbortSignal): Promise<void> {
    const { claims, holdMs = GATE_HOLD_MS } = this.#deps;
    const [name, own] = [nameOf(ticket.address), holderOf(ticket)];
    for (;;) {
      signal.throwIfAborted();
      // Watched before it is asked for, so that no release falls between the two.
      const freed = watchRelease(claims, name, signal);
      try {
        const { holder, remainingMs } = await claims.take(name, own, holdMs);
        if (holder === own) break;
        await freed.within(remainingMs);
      } finally {
        freed.stop();
      }
    }
    if (!signal.aborted) return;
    this.leave(ticket);
    signal.throwIfAborted();
  }
}

/** The gate's ticket of a session as its row stands. */
export function ticketOf({ id, generation, client }: SessionRecord): GateTicket {
  return { id, generation, address: client.address };
}

/** Resolves when the claim `name` is released, when `signal` aborts, or when the time is over. */
function watchRelease(
  claims: TableClaims,
  name: string,
  signal: AbortSignal,
): { within: (ms: number) => Promise<void>; stop: () => void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const wake = () => {
    resolve(undefined);
  };
  const unwatch = claims.watch((released) => {
    if (released === name) wake();
  });
  signal.addEventListener('abort', wake);
  let timer: NodeJS.Timeout | undefined;
  return {
    within: async (ms) => {
      timer = setTimeout(wake, ms);
      await promise;
    },
    stop: () => {
      clearTimeout(timer);
      unwatch();
      signal.removeEventListener('abort', wake);
    },
  };
}

function nameOf(address: string): string {
  return `gate ${address}`;
}

function holderOf({ id, generation }: GateTicket): string {
  return `${id} ${generation}`;
}
