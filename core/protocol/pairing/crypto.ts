/**
 * The arithmetic of Moonlight's pairing for hosts of major version >= 7 (SHA-256), both sides. The order of the
 * steps, and the randomness, belong to the callers.
 *
 *   K                    = SHA-256(salt16 | PIN)[0..16]; all messages AES-128-ECB without padding
 *   2 clientchallenge    = E(challenge16)
 *     challengeresponse  = E(SHA-256(challenge16 | host certificate's signature | hostsecret16) | hostchallenge16)
 *   3 serverchallengeresp = E(SHA-256(hostchallenge16 | client certificate's signature | clientsecret16))
 *     pairingsecret      = hostsecret16 | RSA-SHA256 signature of it by the host's key
 *   4 clientpairingsecret = clientsecret16 | RSA-SHA256 signature of it by the client's key
 *
 * Source: moonlight's libgamestream `client.c` (`gs_pair`).
 */
import assert from 'node:assert';
import { createCipheriv, createDecipheriv, createHash, sign, timingSafeEqual, verify } from 'node:crypto';
import { certificateKey, MODULUS_BITS } from './certificate.ts';

const SIZE = { key: 16, challenge: 16, secret: 16, hash: 32 } as const;
const CIPHER = 'aes-128-ecb';
const HASH = 'sha256';

/**
 * AES-128 key of one pairing, 16 bytes.
 *
 * @param salt As the client sent it: 16 bytes.
 * @param pin 4 ASCII digits.
 */
export function derivePairingKey(salt: Uint8Array, pin: string): Buffer {
  return createHash(HASH).update(salt).update(pin, 'ascii').digest().subarray(0, SIZE.key);
}

/**
 * Host, step 2: `challengeresponse`, 48 bytes.
 *
 * @param options `clientChallenge` encrypted, as received; `hostSignature` is that of the host's certificate;
 * `hostSecret` and `hostChallenge` are 16 random bytes each.
 * @returns `undefined` when `clientChallenge` is not 16 bytes.
 */
export function answerClientChallenge(options: {
  key: Uint8Array;
  clientChallenge: Uint8Array;
  hostSignature: Uint8Array;
  hostSecret: Uint8Array;
  hostChallenge: Uint8Array;
}): Buffer | undefined {
  const { key, hostSignature, hostSecret, hostChallenge } = options;
  if (options.clientChallenge.length !== SIZE.challenge) return undefined;
  assert(hostSecret.length === SIZE.secret && hostChallenge.length === SIZE.challenge);

  const clientChallenge = decrypt(key, options.clientChallenge);
  const hostHash = digest(clientChallenge, hostSignature, hostSecret);
  return encrypt(key, Buffer.concat([hostHash, hostChallenge]));
}

/**
 * Host, step 3: the client's hash, 32 bytes, out of `serverchallengeresp`. With another PIN it is noise, which
 * only `verifyClientHash` tells.
 *
 * @returns `undefined` when the message is not 32 bytes.
 */
export function openServerChallengeResponse(key: Uint8Array, bytes: Uint8Array): Buffer | undefined {
  return bytes.length === SIZE.hash ? decrypt(key, bytes) : undefined;
}

/** Host, step 4: whether the client knew the PIN. Compares in constant time. */
export function verifyClientHash(options: {
  clientHash: Uint8Array;
  hostChallenge: Uint8Array;
  clientSignature: Uint8Array;
  clientSecret: Uint8Array;
}): boolean {
  const { clientHash, hostChallenge, clientSignature, clientSecret } = options;
  return isEqual(clientHash, digest(hostChallenge, clientSignature, clientSecret));
}

/**
 * Both, step 3 (`pairingsecret`) and 4 (`clientpairingsecret`): the secret and its signature.
 *
 * @param secret 16 random bytes.
 * @param privateKeyPem The side's own RSA key.
 */
export function makePairingSecret(secret: Uint8Array, privateKeyPem: string): Buffer {
  assert(secret.length === SIZE.secret);
  return Buffer.concat([secret, sign(HASH, secret, privateKeyPem)]);
}

/**
 * Both: the other side's 16-byte secret, if its signature is that of the certificate's key. Never throws.
 *
 * @returns `undefined` for wrong sizes, a wrong signature, and a certificate that is garbage or not of an RSA
 * key of at most 4096 bits.
 */
export function openPairingSecret(bytes: Uint8Array, certificatePem: string): Uint8Array | undefined {
  const publicKey = certificateKey(certificatePem);
  const modulusBits = publicKey?.asymmetricKeyDetails?.modulusLength;
  if (publicKey === undefined || modulusBits === undefined) return undefined;
  if (modulusBits > MODULUS_BITS.max || bytes.length !== SIZE.secret + Math.ceil(modulusBits / 8))
    return undefined;

  const secret = bytes.subarray(0, SIZE.secret);
  return verify(HASH, secret, publicKey, bytes.subarray(SIZE.secret)) ? secret : undefined;
}

/** Client, step 2: `clientchallenge`, 16 bytes. @param challenge 16 random bytes. */
export function encryptClientChallenge(key: Uint8Array, challenge: Uint8Array): Buffer {
  assert(challenge.length === SIZE.challenge);
  return encrypt(key, challenge);
}

/**
 * Client, step 2: the host's hash, 32 bytes, and its challenge, 16 bytes, out of `challengeresponse`.
 *
 * @returns `undefined` when the message is not 48 bytes.
 */
export function openChallengeResponse(
  key: Uint8Array,
  bytes: Uint8Array,
): { hostHash: Buffer; hostChallenge: Buffer } | undefined {
  if (bytes.length !== SIZE.hash + SIZE.challenge) return undefined;
  const plain = decrypt(key, bytes);
  return { hostHash: plain.subarray(0, SIZE.hash), hostChallenge: plain.subarray(SIZE.hash) };
}

/** Client, step 3: whether the host knew the PIN. Compares in constant time. */
export function verifyHostHash(options: {
  hostHash: Uint8Array;
  clientChallenge: Uint8Array;
  hostSignature: Uint8Array;
  hostSecret: Uint8Array;
}): boolean {
  const { hostHash, clientChallenge, hostSignature, hostSecret } = options;
  return isEqual(hostHash, digest(clientChallenge, hostSignature, hostSecret));
}

/**
 * Client, step 3: `serverchallengeresp`, 32 bytes.
 *
 * @param options `clientSignature` is that of the client's certificate; `clientSecret` 16 random bytes.
 */
export function answerHostChallenge(options: {
  key: Uint8Array;
  hostChallenge: Uint8Array;
  clientSignature: Uint8Array;
  clientSecret: Uint8Array;
}): Buffer {
  const { key, hostChallenge, clientSignature, clientSecret } = options;
  return encrypt(key, digest(hostChallenge, clientSignature, clientSecret));
}

function encrypt(key: Uint8Array, plain: Uint8Array): Buffer {
  const cipher = createCipheriv(CIPHER, key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(plain), cipher.final()]);
}

function decrypt(key: Uint8Array, bytes: Uint8Array): Buffer {
  const decipher = createDecipheriv(CIPHER, key, null).setAutoPadding(false);
  return Buffer.concat([decipher.update(bytes), decipher.final()]);
}

function digest(...parts: Uint8Array[]): Buffer {
  const hash = createHash(HASH);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
