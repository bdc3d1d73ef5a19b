/**
 * Pairing exchanges under way: who asks, for which PIN they wait, and whose turn it is at each address.
 *
 * An exchange belongs to one client certificate. Steps 2 to 4 carry nothing of it, so they find their exchange by
 * source address, and the answer to step 1 is released for one exchange of an address at a time. One PIN, one try:
 * every end but success forgets the exchange. The exchanges are this process's own.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { certificateSignature } from '../../core/protocol/pairing/certificate.ts';
import { derivePairingKey } from '../../core/protocol/pairing/crypto.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { sourceOf } from '../../core/runtime/token-bucket.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import { takeStep, type PairingParties } from './handshake.ts';
import { endError, stepError, type PairingOutcome } from './outcome.ts';
import { storePairing } from './store.ts';
import { nextPhase, type PairingState, type PairingStep } from './state.ts';
import {
  PAIRING_TIMING,
  PENDING_MAX,
  PENDING_PER_ADDRESS_MAX,
  type PairingRequest,
  type EnteredNames,
  type PairingTiming,
  type PendingExchange,
} from './types.ts';
import { WrongPins } from './wrong-pins.ts';

export interface PairingExchangesDeps {
  identity: { certificatePem: string; privateKeyPem: string };
  pairings: ObjectStore<'Pairing'>;
  /** Milliseconds since the epoch. */
  now: () => number;
  log: Logger;
  timing?: Partial<PairingTiming>;
}

/** An exchange that has ended. */
export interface EndedExchange extends Pick<PendingExchange, 'id' | 'address' | 'fingerprint'> {
  names: EnteredNames;
}
type EndListener = (outcome: PairingOutcome, exchange: EndedExchange) => void;

interface Exchange extends PendingExchange {
  readonly salt: Uint8Array;
  readonly parties: PairingParties;
  state: PairingState;
  names: EnteredNames;
  /** Settles the answer to step 1. */
  readonly released: PromiseWithResolvers<undefined>;
  readonly outcome: PromiseWithResolvers<PairingOutcome>;
  lifeTimer: NodeJS.Timeout | undefined;
  turnTimer: NodeJS.Timeout | undefined;
  isTurnOver: boolean;
}

/** Every exchange of this process. */
export class PairingExchanges {
  readonly #deps: PairingExchangesDeps;
  readonly #timing: PairingTiming;
  readonly #wrongPins: WrongPins;
  readonly #hostSignature: Uint8Array;
  /** By id, in the order of their turn. At most PENDING_MAX; each ends by its own timer. */
  readonly #exchanges = new Map<string, Exchange>();
  /** Whose turn it is, by address. A part of `#exchanges`. */
  readonly #turns = new Map<string, Exchange>();
  /** Those of the process's own parts. */
  readonly #endListeners = new Set<EndListener>();

  /** @throws GleipnirError IDENTITY_CORRUPT when the certificate of `identity` is none. */
  constructor(deps: PairingExchangesDeps) {
    this.#deps = deps;
    this.#timing = { ...PAIRING_TIMING, ...deps.timing };
    this.#wrongPins = new WrongPins(deps.now);
    const signature = certificateSignature(deps.identity.certificatePem);
    if (signature === undefined) {
      throw new GleipnirError('IDENTITY_CORRUPT', 'The certificate of this host is not readable');
    }
    this.#hostSignature = signature;
  }

  /**
   * Step 1. Resolves when its answer may go out: the PIN was entered and it is this client's turn.
   *
   * @param signal aborts when the client closed its connection, which ends the exchange.
   * @throws GleipnirError PIN_WRONG after too many wrong PINs from there, HOST_BUSY beyond the limits,
   *   REQUEST_INVALID for an unusable certificate, or when nobody enters the PIN in time.
   */
  async begin(request: PairingRequest, signal: AbortSignal): Promise<void> {
    const clientSignature = certificateSignature(request.certificatePem);
    if (clientSignature === undefined) throw stepError('malformed');
    for (const standing of this.#exchanges.values()) {
      if (standing.fingerprint === request.fingerprint) this.#end(standing, 'replaced');
    }
    this.#checkLimits(request.address);
    const exchange = this.#add(request, clientSignature);
    const onAbort = () => {
      if (exchange.state.phase === 'awaitsPin' || exchange.state.phase === 'queued') {
        this.#end(exchange, 'clientLeft');
      }
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    this.#deps.log.info({ client: request.address, exchange: exchange.id }, 'client asks to pair');
    await exchange.released.promise;
  }

  /** The exchanges under way, oldest first. */
  pending(): PendingExchange[] {
    return [...this.#exchanges.values()]
      .map(({ id, address, fingerprint, since, awaitsPin }) => ({
        id,
        address,
        fingerprint,
        since,
        awaitsPin,
      }))
      .sort((a, b) => a.since - b.since);
  }

  /**
   * Enters the PIN that the client shows; each exchange takes one.
   *
   * @param pin 4 digits.
   * @param names what the client and its person are called.
   * @returns how the exchange ends, or `undefined` if no exchange of this id waits for a PIN (any more).
   */
  enterPin(id: string, pin: string, names: EnteredNames = {}): Promise<PairingOutcome> | undefined {
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined || nextPhase(exchange.state.phase, 'pin') === 'failed') return undefined;
    exchange.state = { phase: 'queued', key: derivePairingKey(exchange.salt, pin) };
    exchange.awaitsPin = false;
    exchange.names = names;
    this.#limitLife(exchange, this.#timing.stepsMs);
    // Turns go in the order of the PINs.
    this.#exchanges.delete(id);
    this.#exchanges.set(id, exchange);
    this.#giveTurn(exchange.address);
    return exchange.outcome.promise;
  }

  /**
   * Steps 2 to 4, from the client whose turn it is at `address`.
   *
   * @returns what to answer with; `undefined` after step 4, when the client is paired.
   * @throws GleipnirError PIN_WRONG, or REQUEST_INVALID for a step out of order or bytes that are no such step;
   *   either ends the exchange.
   */
  async advance(address: string, step: PairingStep, bytes: Uint8Array): Promise<Uint8Array | undefined> {
    const exchange = this.#turns.get(address);
    if (exchange === undefined) throw stepError('outOfOrder');
    const { state, answer } = takeStep(exchange.state, step, bytes, exchange.parties);
    if (state.phase === 'failed') {
      this.#end(exchange, state.reason === 'pinWrong' ? 'pinWrong' : 'failed');
      throw stepError(state.reason);
    }
    exchange.state = state;
    if (state.phase === 'answered') this.#limitLife(exchange, this.#timing.turnMs);
    if (state.phase === 'paired') await this.#complete(exchange);
    return answer;
  }

  /**
   * The client says that it gave up (`/unpair`): with a wrong PIN some do so after step 3. Right after a failed
   * exchange of the same address this is that one's farewell, and is ignored.
   */
  abandon(address: string): void {
    const exchange = this.#turns.get(address);
    if (exchange?.state.phase !== 'answered') return;
    if (this.#wrongPins.sinceLastMs(address) > this.#timing.turnMs) this.#end(exchange, 'pinWrong');
  }

  /** Calls `listener` with how each exchange ends. @returns how to stop. */
  onEnd(listener: EndListener): () => void {
    this.#endListeners.add(listener);
    return () => {
      this.#endListeners.delete(listener);
    };
  }

  /** Ends every exchange. */
  stop(): void {
    for (const exchange of [...this.#exchanges.values()]) this.#end(exchange, 'failed');
  }

  #checkLimits(address: string): void {
    if (this.#wrongPins.isBlocked(address)) {
      throw new GleipnirError('PIN_WRONG', 'Too many wrong PINs from this address: try again in ten minutes');
    }
    const source = sourceOf(address);
    const fromThere = [...this.#exchanges.values()].filter(
      (exchange) => sourceOf(exchange.address) === source,
    );
    if (this.#exchanges.size >= PENDING_MAX || fromThere.length >= PENDING_PER_ADDRESS_MAX) {
      throw new GleipnirError('HOST_BUSY', 'Too many clients are pairing right now: try again later');
    }
  }

  #add(request: PairingRequest, clientSignature: Uint8Array): Exchange {
    const { address, salt, certificatePem, fingerprint } = request;
    const { privateKeyPem } = this.#deps.identity;
    const id = randomUUID();
    const exchange: Exchange = {
      id,
      address,
      fingerprint,
      since: this.#deps.now(),
      awaitsPin: true,
      salt,
      parties: {
        host: { privateKeyPem, certificateSignature: this.#hostSignature },
        client: { certificatePem, certificateSignature: clientSignature },
        random: randomBytes,
      },
      state: { phase: 'awaitsPin' },
      names: {},
      released: Promise.withResolvers<undefined>(),
      outcome: Promise.withResolvers<PairingOutcome>(),
      lifeTimer: undefined,
      turnTimer: undefined,
      isTurnOver: false,
    };
    this.#exchanges.set(id, exchange);
    this.#limitLife(exchange, this.#timing.pinWaitMs);
    return exchange;
  }

  #limitLife(exchange: Exchange, milliseconds: number): void {
    clearTimeout(exchange.lifeTimer);
    exchange.lifeTimer = setTimeout(() => {
      this.#end(exchange, 'expired');
    }, milliseconds);
  }

  /** Releases the next exchange of `address`, if nobody's turn is on there; ends a turn that lasts too long. */
  #giveTurn(address: string): void {
    const next = [...this.#exchanges.values()].find(
      (exchange) => exchange.address === address && exchange.state.phase === 'queued',
    );
    if (next?.state.phase !== 'queued') return;
    const holder = this.#turns.get(address);
    if (holder !== undefined) {
      if (holder.isTurnOver) this.#end(holder, 'expired');
      return;
    }
    next.state = { phase: 'certSent', key: next.state.key };
    next.turnTimer = setTimeout(() => {
      next.isTurnOver = true;
      this.#giveTurn(address);
    }, this.#timing.turnMs);
    this.#turns.set(address, next);
    next.released.resolve(undefined);
  }

  async #complete(exchange: Exchange): Promise<void> {
    const { fingerprint, names, parties, address } = exchange;
    this.#forget(exchange);
    try {
      const clientCertPEM = parties.client.certificatePem;
      await storePairing(this.#deps.pairings, { fingerprint, clientCertPEM }, names);
    } catch (error) {
      this.#settle(exchange, 'failed');
      throw error;
    }
    this.#deps.log.info({ client: address, exchange: exchange.id, fingerprint }, 'client is paired');
    this.#settle(exchange, 'paired');
  }

  #end(exchange: Exchange, cause: PairingOutcome): void {
    // Whoever has seen our secret and does not finish has learnt that the PIN was wrong.
    const outcome = exchange.state.phase === 'answered' ? 'pinWrong' : cause;
    if (outcome === 'pinWrong') this.#wrongPins.add(exchange.address);
    this.#deps.log.info({ client: exchange.address, exchange: exchange.id, outcome }, 'pairing ended');
    this.#settle(exchange, outcome);
    exchange.released.reject(endError(outcome));
    this.#forget(exchange);
  }

  #settle(exchange: Exchange, outcome: PairingOutcome): void {
    exchange.outcome.resolve(outcome);
    const { id, address, fingerprint, names } = exchange;
    for (const listener of this.#endListeners) listener(outcome, { id, address, fingerprint, names });
  }

  #forget(exchange: Exchange): void {
    clearTimeout(exchange.lifeTimer);
    clearTimeout(exchange.turnTimer);
    this.#exchanges.delete(exchange.id);
    if (this.#turns.get(exchange.address) === exchange) {
      this.#turns.delete(exchange.address);
      this.#giveTurn(exchange.address);
    }
  }
}
