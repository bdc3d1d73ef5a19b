/**
 * Pairing exchanges under way: who asks, for which PIN they wait, and whose turn it is at each address.
 *
 * An exchange belongs to one client certificate. Steps 2 to 4 carry nothing of it, so they find their exchange by
 * source address, and the answer to step 1 is released for one exchange of an address at a time. One PIN, one try:
 * every end but success forgets the exchange.
 *
 * The exchanges stand in the session table: each step, and the PIN, may meet another proxy. Only the answer to step 1
 * is this process's own; it goes out when the row says so.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { certificateSignature } from '../../core/protocol/pairing/certificate.ts';
import { derivePairingKey } from '../../core/protocol/pairing/crypto.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { Sealer } from '../../core/runtime/seal.ts';
import { sourceOf } from '../../core/runtime/token-bucket.ts';
import type { ExchangeRecord } from '../../core/session/exchange-record.ts';
import type { TableClaims, TableReader, TableWriter } from '../../core/session/table.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import { ClaimQueue } from '../claim-queue.ts';
import { ExchangeRows, OVER_KEPT_MS } from './exchange-rows.ts';
import { takeStep, type PairingParties } from './handshake.ts';
import { endError, stepError, type PairingOutcome } from './outcome.ts';
import { openState, sealState } from './sealed-state.ts';
import { storePairing } from './store.ts';
import { nextPhase, type PairingStep } from './state.ts';
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

/** How often an end looks again when somebody else took the step before it. */
const END_TRIES_MAX = 3;

export interface PairingExchangesDeps {
  identity: { certificatePem: string; privateKeyPem: string };
  pairings: ObjectStore<'Pairing'>;
  table: TableReader;
  claims: TableClaims;
  exchanges: TableWriter<'exchange'>;
  sealer: Sealer;
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

/** Every exchange of this deployment, between `start` and `stop`. */
export class PairingExchanges {
  readonly #deps: PairingExchangesDeps;
  readonly #timing: PairingTiming;
  readonly #wrongPins: WrongPins;
  readonly #hostSignature: Uint8Array;
  readonly #rows: ExchangeRows;
  readonly #turns: ClaimQueue;
  /** Exchanges whose step 1 waits for its answer here, with how that ends; each belongs to an open request. */
  readonly #waiting = new Map<string, Promise<void>>();
  /** Those of the process's own parts. */
  readonly #endListeners = new Set<EndListener>();

  /** @throws GleipnirError IDENTITY_CORRUPT when the certificate of `identity` is none. */
  constructor(deps: PairingExchangesDeps) {
    const { table, claims, exchanges: rows, now, log } = deps;
    this.#deps = deps;
    this.#timing = { ...PAIRING_TIMING, ...deps.timing };
    this.#wrongPins = new WrongPins(claims);
    this.#turns = new ClaimQueue(claims);
    this.#rows = new ExchangeRows({
      table,
      claims,
      rows,
      now,
      log,
      onExpired: (id) => this.#end(id, 'expired'),
    });
    const signature = certificateSignature(deps.identity.certificatePem);
    if (signature === undefined) {
      throw new GleipnirError('IDENTITY_CORRUPT', 'The certificate of this host is not readable');
    }
    this.#hostSignature = signature;
  }

  /** @throws what the table throws when it cannot be read. */
  start(): Promise<void> {
    return this.#rows.start();
  }

  /** Ends the exchanges whose step 1 waits here; the others go on elsewhere. */
  async stop(): Promise<void> {
    const waiting = [...this.#waiting];
    await Promise.all(waiting.map(([id]) => this.#end(id, 'failed')));
    await Promise.allSettled(waiting.map(([, turn]) => turn));
    this.#rows.stop();
  }

  /**
   * Step 1. Resolves when its answer may go out: the PIN was entered and it is this client's turn.
   *
   * @param signal aborts when the client closed its connection, which ends the exchange.
   * @throws GleipnirError PIN_WRONG after too many wrong PINs from there, HOST_BUSY beyond the limits,
   *   REQUEST_INVALID for an unusable certificate, or when nobody enters the PIN in time.
   */
  async begin(request: PairingRequest, signal: AbortSignal): Promise<void> {
    const { address, fingerprint } = request;
    if (certificateSignature(request.certificatePem) === undefined) throw stepError('malformed');
    const [same, others] = partition(await this.#rows.list(), (row) => row.fingerprint === fingerprint);
    await Promise.all(same.map(({ id }) => this.#end(id, 'replaced')));
    await this.#checkLimits(address, others);
    const { id } = await this.#rows.put(this.#newRow(request));
    this.#deps.log.info({ client: address, exchange: id }, 'client asks to pair');
    const onAbort = () => {
      this.#end(id, 'clientLeft').catch((err: unknown) => {
        this.#deps.log.warn({ exchange: id, err }, 'pairing exchange not ended');
      });
    };
    const turn = this.#awaitTurn(id, address);
    this.#waiting.set(id, turn);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      await turn;
    } finally {
      this.#waiting.delete(id);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** The exchanges under way, oldest first, as last seen. */
  pending(): PendingExchange[] {
    return this.#rows
      .seen()
      .map(({ id, address, fingerprint, since, phase }) => ({
        id,
        address,
        fingerprint,
        since,
        awaitsPin: phase === 'awaitsPin',
      }))
      .sort((a, b) => a.since - b.since);
  }

  /**
   * Enters the PIN that the client shows; each exchange takes one.
   *
   * @param pin 4 digits.
   * @param names what the client and its person are called.
   * @returns how the exchange ends, once it has, or `undefined` if no exchange of this id waits for a PIN (any more).
   */
  async enterPin(id: string, pin: string, names: EnteredNames = {}): Promise<PairingOutcome | undefined> {
    const row = await this.#rows.get(id);
    if (row === undefined || row.phase === 'over' || nextPhase(row.phase, 'pin') === 'failed')
      return undefined;
    const key = derivePairingKey(Buffer.from(row.salt, 'hex'), pin);
    const queued = await this.#rows.advance(row, {
      ...sealState({ phase: 'queued', key }, this.#deps.sealer),
      names,
      expiresAt: this.#deps.now() + this.#timing.stepsMs,
    });
    if (queued === undefined) return undefined;
    return (await this.#untilOver(id)) ?? 'failed';
  }

  /**
   * Steps 2 to 4, from the client whose turn it is at `address`.
   *
   * @returns what to answer with; `undefined` after step 4, when the client is paired.
   * @throws GleipnirError PIN_WRONG, or REQUEST_INVALID for a step out of order or bytes that are no such step;
   *   either ends the exchange.
   */
  async advance(address: string, step: PairingStep, bytes: Uint8Array): Promise<Uint8Array | undefined> {
    const { sealer, now } = this.#deps;
    const row = await this.#turnAt(address);
    const parties = row && this.#partiesOf(row);
    if (row === undefined || parties === undefined) throw stepError('outOfOrder');
    const { state, answer } = takeStep(openState(row, sealer), step, bytes, parties);
    switch (state.phase) {
      case 'challenged':
      case 'answered': {
        const expiresAt = state.phase === 'answered' ? now() + this.#timing.turnMs : row.expiresAt;
        const next = await this.#rows.advance(row, { ...sealState(state, sealer), expiresAt });
        if (next === undefined) throw stepError('outOfOrder');
        return answer;
      }
      case 'paired':
        await this.#complete(row);
        return undefined;
      case 'failed':
        await this.#end(row.id, state.reason === 'pinWrong' ? 'pinWrong' : 'failed');
        throw stepError(state.reason);
      case 'awaitsPin':
      case 'queued':
      case 'certSent':
        throw stepError('outOfOrder');
    }
  }

  /**
   * The client says that it gave up (`/unpair`): with a wrong PIN some do so after step 3. Right after a failed
   * exchange of the same address this is that one's farewell, and is ignored.
   */
  async abandon(address: string): Promise<void> {
    const row = await this.#turnAt(address);
    if (row?.phase !== 'answered') return;
    if ((await this.#wrongPins.sinceLastMs(address)) > this.#timing.turnMs)
      await this.#end(row.id, 'pinWrong');
  }

  /** Calls `listener` with how each exchange ends. @returns how to stop. */
  onEnd(listener: EndListener): () => void {
    this.#endListeners.add(listener);
    return () => {
      this.#endListeners.delete(listener);
    };
  }

  /** Proxies that begin exchanges at the very same time may exceed the limits by one each. */
  async #checkLimits(address: string, standing: readonly ExchangeRecord[]): Promise<void> {
    if (await this.#wrongPins.isBlocked(address)) {
      throw new GleipnirError('PIN_WRONG', 'Too many wrong PINs from this address: try again in ten minutes');
    }
    const source = sourceOf(address);
    const fromThere = standing.filter((row) => sourceOf(row.address) === source);
    if (standing.length >= PENDING_MAX || fromThere.length >= PENDING_PER_ADDRESS_MAX) {
      throw new GleipnirError('HOST_BUSY', 'Too many clients are pairing right now: try again later');
    }
  }

  #newRow({ address, salt, certificatePem, fingerprint }: PairingRequest): ExchangeRecord {
    const since = this.#deps.now();
    return {
      id: randomUUID(),
      generation: 1,
      phase: 'awaitsPin',
      address,
      fingerprint,
      clientCertPEM: certificatePem,
      salt: Buffer.from(salt).toString('hex'),
      names: {},
      since,
      expiresAt: since + this.#timing.pinWaitMs,
    };
  }

  #partiesOf({ clientCertPEM }: ExchangeRecord): PairingParties | undefined {
    const signature = certificateSignature(clientCertPEM);
    if (signature === undefined) return undefined;
    const { privateKeyPem } = this.#deps.identity;
    return {
      host: { privateKeyPem, certificateSignature: this.#hostSignature },
      client: { certificatePem: clientCertPEM, certificateSignature: signature },
      random: randomBytes,
    };
  }

  /** Until the PIN was entered and the turn at the address is this exchange's. @throws GleipnirError when it ends. */
  async #awaitTurn(id: string, address: string): Promise<void> {
    const { sealer, now } = this.#deps;
    const queued = await this.#rows.until(id, ({ phase }) => phase !== 'awaitsPin');
    const state = queued && openState(queued, sealer);
    if (queued === undefined || state?.phase !== 'queued') throw endError(queued?.outcome ?? 'failed');
    const over = new AbortController();
    this.#untilOver(id).then(
      (outcome = 'failed') => {
        over.abort(endError(outcome));
      },
      (error: unknown) => {
        over.abort(error);
      },
    );
    await this.#turns.take({ name: turnName(address), holder: id, ttlMs: this.#timing.turnMs }, over.signal);
    const late = (await this.#rows.list()).filter((row) => row.address === address && isReleased(row));
    await Promise.all(late.map((row) => this.#end(row.id, 'expired')));
    const certSent = sealState({ phase: 'certSent', key: state.key }, sealer);
    if ((await this.#rows.advance(queued, { ...certSent, releasedAt: now() })) !== undefined) return;
    await this.#deps.claims.release(turnName(address), id);
    throw endError((await this.#untilOver(id)) ?? 'failed');
  }

  /** The exchange whose step 1 was answered last at `address`. */
  async #turnAt(address: string): Promise<ExchangeRecord | undefined> {
    const released = (await this.#rows.list()).filter((row) => row.address === address && isReleased(row));
    return released.sort((a, b) => (a.releasedAt ?? 0) - (b.releasedAt ?? 0)).at(-1);
  }

  async #complete(row: ExchangeRecord): Promise<void> {
    if (!(await this.#rows.claim(row))) throw stepError('outOfOrder');
    const { id, fingerprint, names, address, clientCertPEM } = row;
    try {
      await storePairing(this.#deps.pairings, { fingerprint, clientCertPEM }, { ...names, address });
    } catch (error) {
      await this.#close(row, 'failed');
      throw error;
    }
    this.#deps.log.info({ client: address, exchange: id, fingerprint }, 'client is paired');
    await this.#close(row, 'paired');
  }

  /** Ends an exchange wherever it stands. Idempotent. */
  async #end(id: string, cause: PairingOutcome): Promise<void> {
    for (let tries = 0; tries < END_TRIES_MAX; tries += 1) {
      const row = await this.#rows.get(id);
      if (row === undefined || row.phase === 'over') return;
      // Once step 1 is answered, its connection says nothing any more.
      if (cause === 'clientLeft' && isReleased(row)) return;
      if (!(await this.#rows.claim(row))) continue;
      // Whoever has seen our secret and does not finish has learnt that the PIN was wrong.
      const outcome = row.phase === 'answered' ? 'pinWrong' : cause;
      if (outcome === 'pinWrong') await this.#wrongPins.add(row.address);
      this.#deps.log.info({ client: row.address, exchange: id, outcome }, 'pairing ended');
      await this.#close(row, outcome);
      return;
    }
  }

  /** Writes how an exchange ended whose last step is ours. */
  async #close(row: ExchangeRecord, outcome: PairingOutcome): Promise<void> {
    const { id, address, fingerprint, clientCertPEM, salt, names, since } = row;
    const expiresAt = this.#deps.now() + OVER_KEPT_MS;
    await this.#rows.put({
      ...{ id, address, fingerprint, clientCertPEM, salt, names, since },
      generation: row.generation + 1,
      phase: 'over',
      outcome,
      expiresAt,
    });
    for (const listener of this.#endListeners) listener(outcome, { id, address, fingerprint, names });
    await this.#deps.claims.release(turnName(address), id);
  }

  async #untilOver(id: string): Promise<PairingOutcome | undefined> {
    return (await this.#rows.until(id, ({ phase }) => phase === 'over'))?.outcome;
  }
}

function isReleased({ phase }: ExchangeRecord): boolean {
  return phase === 'certSent' || phase === 'challenged' || phase === 'answered';
}

function turnName(address: string): string {
  return `pairing ${address}`;
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}
