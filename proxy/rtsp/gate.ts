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
import { ClaimQueue } from '../claim-queue.ts';

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
  readonly #queue: ClaimQueue;

  constructor(deps: RtspGateDeps) {
    this.#deps = deps;
    this.#queue = new ClaimQueue(deps.claims);
  }

  /**
   * Waits until nobody else holds the gate of the address, and takes it. Call it when the host is ready, just before
   * answering. Who holds it already holds it anew.
   *
   * @throws the signal's reason when it aborts first (the client went away); what the table throws.
   */
  enter(ticket: GateTicket, signal: AbortSignal = new AbortController().signal): Promise<void> {
    const { holdMs: ttlMs = GATE_HOLD_MS } = this.#deps;
    return this.#queue.take({ name: nameOf(ticket.address), holder: holderOf(ticket), ttlMs }, signal);
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
}

/** The gate's ticket of a session as its row stands. */
export function ticketOf({ id, generation, client }: SessionRecord): GateTicket {
  return { id, generation, address: client.address };
}

function nameOf(address: string): string {
  return `gate ${address}`;
}

function holderOf({ id, generation }: GateTicket): string {
  return `${id} ${generation}`;
}
