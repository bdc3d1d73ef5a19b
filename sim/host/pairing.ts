/**
 * Pairing on the simulated host: five requests, of which the first is answered once somebody typed the PIN.
 * Steps 2 to 4 of two clients of one address cannot be told apart, so an address has one exchange at a time in
 * them: the one whose PIN was typed last.
 */
import { randomBytes } from 'node:crypto';
import { fingerprintOf, type Certificate } from '../../core/identity/certificate.ts';
import { writeXml } from '../../core/protocol/moonlight/xml.ts';
import { certificateSignature } from '../../core/protocol/pairing/certificate.ts';
import {
  answerClientChallenge,
  derivePairingKey,
  makePairingSecret,
  openPairingSecret,
  openServerChallengeResponse,
  verifyClientHash,
} from '../../core/protocol/pairing/crypto.ts';
import type { HttpQuery } from './http-types.ts';

const PENDING_MAX = 16;
const ACTIVE_MAX = 64;
const SECRET_SIZE = 16;
const SALT = /^[0-9A-Fa-f]{32}$/;
const HEX = /^(?:[0-9A-Fa-f]{2})+$/;
const HEX_CHARACTERS_MAX = 16_384;

/** One client that waits for its PIN. */
interface Pending {
  /** Names it to whoever types PINs through the API. */
  secret: string;
  address: string;
  salt: Buffer;
  clientCertificatePem: string;
  /** Answers step 1: with the PIN, or without one when the exchange is over. */
  release: (pin: string | undefined) => void;
}

/** Steps 2 to 4 of one exchange. */
interface Exchange {
  key: Buffer;
  clientCertificatePem: string;
  hostSecret: Buffer;
  hostChallenge: Buffer;
  /** Known from step 3 on. */
  clientHash: Buffer | undefined;
}

export interface PairingDeps {
  identity: Certificate;
  /** Remembers a paired client by the SHA-256 of its certificate. */
  onPaired: (fingerprint: string) => void;
  /** A client of this address begins to wait. */
  onWaiting: (address: string) => void;
  /** Whether a client that begins to wait makes the host forget who of its address waited, without an answer. */
  forgetsOlder: boolean;
}

/** At most PENDING_MAX clients wait, and ACTIVE_MAX addresses are within an exchange. */
export class HostPairing {
  readonly #deps: PairingDeps;
  readonly #hostSignature: Buffer;
  #pending: Pending[] = [];
  /** By address. The oldest goes when it is full. */
  readonly #exchanges = new Map<string, Exchange>();

  /** @param deps `identity` must hold a certificate. */
  constructor(deps: PairingDeps) {
    this.#deps = deps;
    this.#hostSignature = certificateSignature(deps.identity.certificatePem) ?? Buffer.alloc(0);
  }

  /** Clients that wait for a PIN. */
  get pendingCount(): number {
    return this.#pending.length;
  }

  /** Who waits for a PIN, the oldest first. */
  waiting(): { secret: string; address: string }[] {
    return this.#pending.map(({ secret, address }) => ({ secret, address }));
  }

  /**
   * Types a PIN for the client that waits under `secret`, or has waited longest.
   *
   * @returns whether one was waiting.
   */
  enterPin(pin: string, secret?: string): boolean {
    const waiting = this.#pending.find((each) => secret === undefined || each.secret === secret);
    waiting?.release(pin);
    return waiting !== undefined;
  }

  /** Lets everybody go who waits. */
  stop(): void {
    for (const { release } of [...this.#pending]) release(undefined);
  }

  /** Answers one request of /pair over HTTP. `signal` says that the client gave up. */
  async answer(query: HttpQuery, address: string, signal: AbortSignal): Promise<string> {
    if (query['phrase'] === 'getservercert') return this.#certificate(query, address, signal);
    const exchange = this.#exchanges.get(address);
    const fields = exchange === undefined ? undefined : this.#step(query, exchange);
    if (fields !== undefined) return writeXml(200, { paired: 1, ...fields });
    this.forget(address);
    return refusal('Pairing failed');
  }

  /** Drops what an address has begun. */
  forget(address: string): void {
    this.#exchanges.delete(address);
  }

  async #certificate(query: HttpQuery, address: string, signal: AbortSignal): Promise<string> {
    const { salt = '', clientcert = '' } = query;
    const clientCertificatePem = decodeHex(clientcert)?.toString('latin1');
    const isSound = clientCertificatePem !== undefined && certificateSignature(clientCertificatePem);
    if (!SALT.test(salt) || !isSound) return refusal('Not a pairing request');
    if (this.#pending.length >= PENDING_MAX) return refusal('Too many clients are pairing');

    const secret = randomBytes(8).toString('hex').toUpperCase();
    const waiting = { secret, address, salt: Buffer.from(salt, 'hex'), clientCertificatePem };
    const pin = await this.#waitForPin(waiting, signal);
    if (pin === undefined) return refusal('Nobody typed the PIN');
    const [oldest] = this.#exchanges.keys();
    if (this.#exchanges.size >= ACTIVE_MAX && oldest !== undefined) this.#exchanges.delete(oldest);
    this.#exchanges.set(address, {
      key: derivePairingKey(waiting.salt, pin),
      clientCertificatePem,
      hostSecret: randomBytes(SECRET_SIZE),
      hostChallenge: randomBytes(SECRET_SIZE),
      clientHash: undefined,
    });
    const plaincert = Buffer.from(this.#deps.identity.certificatePem, 'latin1').toString('hex');
    return writeXml(200, { paired: 1, plaincert });
  }

  #waitForPin(waiting: Omit<Pending, 'release'>, signal: AbortSignal): Promise<string | undefined> {
    const { address } = waiting;
    return new Promise((resolve) => {
      const pending: Pending = {
        ...waiting,
        release: (pin) => {
          this.#pending = this.#pending.filter((other) => other !== pending);
          resolve(pin);
        },
      };
      if (this.#deps.forgetsOlder) this.#pending = this.#pending.filter((other) => other.address !== address);
      this.#pending.push(pending);
      this.#deps.onWaiting(address);
      signal.addEventListener('abort', () => {
        pending.release(undefined);
      });
    });
  }

  /** Fields of the answer; `undefined` ends the exchange. */
  #step(query: HttpQuery, exchange: Exchange): Record<string, string> | undefined {
    const { clientchallenge, serverchallengeresp, clientpairingsecret } = query;
    if (clientchallenge !== undefined) return this.#challenge(clientchallenge, exchange);
    if (serverchallengeresp !== undefined) return this.#secret(serverchallengeresp, exchange);
    if (clientpairingsecret !== undefined) return this.#confirm(clientpairingsecret, exchange);
    return undefined;
  }

  #challenge(text: string, exchange: Exchange): Record<string, string> | undefined {
    const clientChallenge = decodeHex(text);
    if (clientChallenge === undefined) return undefined;
    const response = answerClientChallenge({
      ...exchange,
      clientChallenge,
      hostSignature: this.#hostSignature,
    });
    return response === undefined ? undefined : { challengeresponse: response.toString('hex') };
  }

  #secret(text: string, exchange: Exchange): Record<string, string> | undefined {
    const bytes = decodeHex(text);
    const clientHash = bytes === undefined ? undefined : openServerChallengeResponse(exchange.key, bytes);
    if (clientHash === undefined) return undefined;
    exchange.clientHash = clientHash;
    const secret = makePairingSecret(exchange.hostSecret, this.#deps.identity.privateKeyPem);
    return { pairingsecret: secret.toString('hex') };
  }

  #confirm(text: string, exchange: Exchange): Record<string, string> | undefined {
    const { clientHash, clientCertificatePem, hostChallenge } = exchange;
    const bytes = decodeHex(text);
    const clientSecret = bytes === undefined ? undefined : openPairingSecret(bytes, clientCertificatePem);
    const clientSignature = certificateSignature(clientCertificatePem);
    const fingerprint = fingerprintOf(clientCertificatePem);
    if (clientHash === undefined || clientSecret === undefined) return undefined;
    if (clientSignature === undefined || fingerprint === undefined) return undefined;
    if (!verifyClientHash({ clientHash, hostChallenge, clientSignature, clientSecret })) return undefined;
    this.#deps.onPaired(fingerprint);
    return {};
  }
}

function refusal(statusMessage: string): string {
  return writeXml(400, { paired: 0 }, { statusMessage });
}

function decodeHex(text: string): Buffer | undefined {
  return text.length <= HEX_CHARACTERS_MAX && HEX.test(text) ? Buffer.from(text, 'hex') : undefined;
}
