/**
 * Pairing as a client: five steps over plain HTTP but for the last, after which the host knows our certificate
 * and we know the host's (MOONLIGHT.md a, "/pair").
 *
 * The PIN never travels. It keys the first steps, so both sides prove that they know it; the certificates that
 * were exchanged in the clear are bound to it by their signatures.
 */
import { randomBytes } from 'node:crypto';
import { certificateSignature } from '../protocol/pairing/certificate.ts';
import {
  answerHostChallenge,
  derivePairingKey,
  encryptClientChallenge,
  makePairingSecret,
  openChallengeResponse,
  openPairingSecret,
  verifyHostHash,
} from '../protocol/pairing/crypto.ts';
import { GleipnirError } from '../runtime/errors.ts';
import { refusal, type Asked } from './answer.ts';
import type { HostHttpClient, Query } from './http-client.ts';

export interface PairOptions {
  /** 4 digits, which the person types at the host. */
  pin: string;
  /** Ends the wait for the person. */
  signal: AbortSignal;
  /** How long the person may take; 5 minutes by default. */
  pinTimeoutMs?: number;
  /** Salt, challenge and secret come from here; a CSPRNG by default. */
  random?: (sizeBytes: number) => Uint8Array;
}

const PATH = '/pair';
const PIN_TIMEOUT_MS = 5 * 60_000;
/** Steps 2 to 5 wait for no person. */
const STEP_TIMEOUT_MS = 5_000;
const SIZE = { salt: 16, challenge: 16, secret: 16 } as const;

/** Every client sends these in front. */
const COMMON: Query = [
  ['devicename', 'roth'],
  ['updateState', '1'],
];

/** What the steps share. */
interface Exchange {
  client: HostHttpClient;
  asked: Asked;
  signal: AbortSignal;
  key: Uint8Array;
  /** Also the host's pinned certificate from now on. */
  hostCertificatePem: string;
  hostSignature: Uint8Array;
}

/**
 * Pairs the client's identity with its host and resolves to the host's certificate (PEM, as the host spells it),
 * which is to be pinned from then on.
 *
 * @throws GleipnirError PIN_WRONG; HOST_BUSY when the host is pairing with somebody else; HOST_REFUSED when its
 * answers make no sense or its proofs fail; HOST_UNREACHABLE when it does not answer, nobody typed the PIN in
 * time, or `signal` aborted.
 */
export async function pairWithHost(client: HostHttpClient, options: PairOptions): Promise<string> {
  const { pin, signal, pinTimeoutMs = PIN_TIMEOUT_MS, random = randomBytes } = options;
  const asked = { host: client.endpoint.address, path: PATH };
  const salt = random(SIZE.salt);
  const hostCertificatePem = await getHostCertificate(client, { asked, salt, signal, pinTimeoutMs });
  const hostSignature = certificateSignature(hostCertificatePem);
  if (hostSignature === undefined) throw nonsense(asked, 'plaincert');
  const key = derivePairingKey(salt, pin);
  const exchange = { client, asked, signal, key, hostCertificatePem, hostSignature };
  await proveEachOther(exchange, random);
  await confirm(exchange);
  return hostCertificatePem;
}

/** Step 1: answered only after the PIN was typed. */
async function getHostCertificate(
  client: HostHttpClient,
  options: { asked: Asked; salt: Uint8Array; signal: AbortSignal; pinTimeoutMs: number },
): Promise<string> {
  const { asked, salt, signal, pinTimeoutMs: timeoutMs } = options;
  const query: Query = [
    ...COMMON,
    ['phrase', 'getservercert'],
    ['salt', toHex(salt)],
    ['clientcert', toHex(Buffer.from(client.identity.certificatePem))],
  ];
  const { xml } = await client.get(PATH, query, { secure: false, timeoutMs, signal });
  if (xml.fields['paired'] !== '1') throw refusal(xml, asked);
  const plaincert = fromHex(xml.fields['plaincert']).toString('utf8');
  // So hosts say that another exchange is going on.
  if (plaincert === '') throw new GleipnirError('HOST_BUSY', 'The host is already pairing', { ...asked });
  return plaincert;
}

/** Steps 2 to 4: each side proves that it knows the PIN and owns its certificate's key. */
async function proveEachOther(exchange: Exchange, random: (sizeBytes: number) => Uint8Array): Promise<void> {
  const { client, asked, key, hostCertificatePem, hostSignature } = exchange;
  const clientSignature = certificateSignature(client.identity.certificatePem);
  if (clientSignature === undefined) {
    throw new GleipnirError('IDENTITY_CORRUPT', 'Our own certificate is damaged', { ...asked });
  }
  const clientChallenge = random(SIZE.challenge);
  const clientSecret = random(SIZE.secret);

  const challengeresponse = await step(exchange, 'challengeresponse', [
    ['clientchallenge', toHex(encryptClientChallenge(key, clientChallenge))],
  ]);
  const opened = openChallengeResponse(key, challengeresponse);
  if (opened === undefined) throw nonsense(asked, 'challengeresponse');
  const { hostHash, hostChallenge } = opened;

  const answer = answerHostChallenge({ key, hostChallenge, clientSignature, clientSecret });
  const pairingsecret = await step(exchange, 'pairingsecret', [['serverchallengeresp', toHex(answer)]]);
  const hostSecret = openPairingSecret(pairingsecret, hostCertificatePem);
  if (hostSecret === undefined) throw nonsense(asked, 'pairingsecret');
  if (!verifyHostHash({ hostHash, clientChallenge, hostSignature, hostSecret })) throw wrongPin(asked);

  const clientpairingsecret = toHex(makePairingSecret(clientSecret, client.identity.privateKeyPem));
  const { xml } = await send(exchange, [['clientpairingsecret', clientpairingsecret]]);
  if (xml.fields['paired'] !== '1') throw wrongPin(asked);
}

/** Step 5, over HTTPS: the host knows our certificate, and owns the one it gave us. */
async function confirm(exchange: Exchange): Promise<void> {
  const { client, asked, signal, hostCertificatePem: pinnedCertificatePem } = exchange;
  const { xml } = await client.get(PATH, [...COMMON, ['phrase', 'pairchallenge']], {
    secure: true,
    timeoutMs: STEP_TIMEOUT_MS,
    signal,
    pinnedCertificatePem,
  });
  if (xml.fields['paired'] !== '1') throw refusal(xml, asked);
}

/** One of the steps that answer with bytes in hex. */
async function step(exchange: Exchange, field: string, query: Query): Promise<Buffer> {
  const { xml } = await send(exchange, query);
  const bytes = fromHex(xml.fields[field]);
  if (bytes.length === 0) throw refusal(xml, exchange.asked);
  return bytes;
}

function send({ client, signal }: Exchange, query: Query): ReturnType<HostHttpClient['get']> {
  return client.get(PATH, [...COMMON, ...query], { secure: false, timeoutMs: STEP_TIMEOUT_MS, signal });
}

function nonsense(asked: Asked, field: string): GleipnirError {
  return new GleipnirError('HOST_REFUSED', 'The host does not pair as Moonlight hosts do', {
    ...asked,
    field,
  });
}

function wrongPin(asked: Asked): GleipnirError {
  return new GleipnirError('PIN_WRONG', 'Another PIN was typed at the host', { ...asked });
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Either case (Wolf writes capitals); what is no hex is cut off. */
function fromHex(text = ''): Buffer {
  return Buffer.from(text, 'hex');
}
