import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex, readCapture } from '../../../test/support/captures.ts';
import { certificateSignature } from './certificate.ts';
import {
  answerClientChallenge,
  answerHostChallenge,
  derivePairingKey,
  encryptClientChallenge,
  makePairingSecret,
  openChallengeResponse,
  openPairingSecret,
  openServerChallengeResponse,
  verifyClientHash,
  verifyHostHash,
} from './crypto.ts';

interface Exchange {
  id: string;
  query: Record<string, string>;
  response: { body: string } | null;
}
interface Capture {
  host: { certPem: string; keyPem: string };
  runs: {
    id: string;
    pinShownByClient: string;
    pinTypedOnHost: string;
    clientCertPem: string;
    clientKeyPem: string;
    exchanges: Exchange[];
    recomputed: Record<
      | 'saltHex'
      | 'aesKeyClientHex'
      | 'aesKeyHostHex'
      | 'clientCertSignatureHex'
      | 'hostCertSignatureHex'
      | 'clientChallengePlainHex'
      | 'clientChallengeAsSeenByHostHex'
      | 'hashStep2ExpectedByClientHex'
      | 'hashStep4ExpectedByHostHex'
      | 'challengeResponsePlainOnHostHex'
      | 'challengeResponseAsSeenByClientHex'
      | 'hostChallengeHex'
      | 'hostSecretHex'
      | 'hostSecretSignatureHex'
      | 'hashStep2ByHostHex'
      | 'serverChallengeRespPlainByClientHex'
      | 'serverChallengeRespAsSeenByHostHex'
      | 'clientSecretHex'
      | 'clientSecretSignatureHex',
      string
    > & { step2HashMatches: boolean; step4HashMatches: boolean };
  }[];
}

const { host, runs } = readCapture<Capture>('pairing');

/** One run as both sides knew it; `sent` and `answered` are what was on the wire. */
const RUNS = runs.map((run) => {
  const exchange = (id: string): Exchange => {
    const found = run.exchanges.find((candidate) => candidate.id === id);
    if (found === undefined) throw new Error(`no exchange ${id}`);
    return found;
  };
  const sent = (id: string, name: string): Uint8Array => hex(exchange(id).query[name] ?? '');
  const answered = (id: string, name: string): Uint8Array => {
    const [, digits = ''] =
      new RegExp(`<${name}>(.*)</${name}>`).exec(exchange(id).response?.body ?? '') ?? [];
    return hex(digits);
  };
  const { recomputed } = run;
  return {
    id: run.id,
    run,
    recomputed,
    clientKey: hex(recomputed.aesKeyClientHex),
    hostKey: hex(recomputed.aesKeyHostHex),
    clientSignature: hex(recomputed.clientCertSignatureHex),
    hostSignature: hex(recomputed.hostCertSignatureHex),
    clientSecret: hex(recomputed.clientSecretHex),
    hostSecret: hex(recomputed.hostSecretHex),
    hostChallenge: hex(recomputed.hostChallengeHex),
    wire: {
      salt: sent('pair-1-getservercert', 'salt'),
      clientchallenge: sent('pair-2-clientchallenge', 'clientchallenge'),
      challengeresponse: answered('pair-2-clientchallenge', 'challengeresponse'),
      serverchallengeresp: sent('pair-3-serverchallengeresp', 'serverchallengeresp'),
      pairingsecret: answered('pair-3-serverchallengeresp', 'pairingsecret'),
      clientpairingsecret: sent('pair-4-clientpairingsecret', 'clientpairingsecret'),
    },
  };
});

const toHex = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && Buffer.from(bytes).toString('hex');

describe('the recorded pairings, as the host', () => {
  it.each(RUNS)('$id: both keys', ({ run, wire, recomputed }) => {
    expect(toHex(wire.salt)).toBe(recomputed.saltHex);
    expect(toHex(derivePairingKey(wire.salt, run.pinTypedOnHost))).toBe(recomputed.aesKeyHostHex);
    expect(toHex(derivePairingKey(wire.salt, run.pinShownByClient))).toBe(recomputed.aesKeyClientHex);
  });

  it.each(RUNS)('$id: signatures of both certificates', ({ run, recomputed }) => {
    expect(toHex(certificateSignature(run.clientCertPem))).toBe(recomputed.clientCertSignatureHex);
    expect(toHex(certificateSignature(host.certPem))).toBe(recomputed.hostCertSignatureHex);
  });

  it.each(RUNS)('$id: challengeresponse', ({ hostKey, hostSignature, hostSecret, hostChallenge, wire }) => {
    const options = {
      key: hostKey,
      clientChallenge: wire.clientchallenge,
      hostSignature,
      hostSecret,
      hostChallenge,
    };
    expect(toHex(answerClientChallenge(options))).toBe(toHex(wire.challengeresponse));
  });

  it.each(RUNS)('$id: what it sees in serverchallengeresp', ({ hostKey, wire, recomputed }) => {
    const clientHash = openServerChallengeResponse(hostKey, wire.serverchallengeresp);
    expect(toHex(clientHash)).toBe(recomputed.serverChallengeRespAsSeenByHostHex);
  });

  it.each(RUNS)('$id: pairingsecret', ({ hostSecret, wire, recomputed }) => {
    expect(toHex(makePairingSecret(hostSecret, host.keyPem))).toBe(toHex(wire.pairingsecret));
    expect(toHex(wire.pairingsecret)).toBe(recomputed.hostSecretHex + recomputed.hostSecretSignatureHex);
  });

  it.each(RUNS)('$id: verdict on clientpairingsecret', ({ run, recomputed, hostKey, wire, ...values }) => {
    const clientSecret = openPairingSecret(wire.clientpairingsecret, run.clientCertPem) ?? Buffer.alloc(0);
    expect(toHex(clientSecret)).toBe(recomputed.clientSecretHex);
    const clientHash = openServerChallengeResponse(hostKey, wire.serverchallengeresp) ?? Buffer.alloc(0);
    const { hostChallenge, clientSignature } = values;
    const isKnown = verifyClientHash({ clientHash, hostChallenge, clientSignature, clientSecret });
    expect(isKnown).toBe(recomputed.step4HashMatches);
  });
});

describe('the recorded pairings, as each side expected them', () => {
  it.each(RUNS)('$id: the challenge that the host saw', ({ hostKey, recomputed, wire }) => {
    const seen = hex(recomputed.clientChallengeAsSeenByHostHex);
    expect(toHex(encryptClientChallenge(hostKey, seen))).toBe(toHex(wire.clientchallenge));
  });

  it.each(RUNS)('$id: the plain challengeresponse of the host', ({ hostKey, recomputed, wire }) => {
    const { hostHash, hostChallenge } = openChallengeResponse(hostKey, wire.challengeresponse) ?? {};
    expect(`${toHex(hostHash) ?? ''}${toHex(hostChallenge) ?? ''}`).toBe(
      recomputed.challengeResponsePlainOnHostHex,
    );
  });

  it.each(RUNS)(
    '$id: the hash of step 2 that the client expected',
    ({ hostSignature, hostSecret, recomputed }) => {
      const hostHash = hex(recomputed.hashStep2ExpectedByClientHex);
      const clientChallenge = hex(recomputed.clientChallengePlainHex);
      expect(verifyHostHash({ hostHash, clientChallenge, hostSignature, hostSecret })).toBe(true);
    },
  );

  it.each(RUNS)('$id: the hash of step 4 that the host expected', ({ recomputed, ...values }) => {
    const { hostChallenge, clientSignature, clientSecret } = values;
    const clientHash = hex(recomputed.hashStep4ExpectedByHostHex);
    expect(verifyClientHash({ clientHash, hostChallenge, clientSignature, clientSecret })).toBe(true);
  });
});

describe('the recorded pairings, as the client', () => {
  it.each(RUNS)('$id: clientchallenge', ({ clientKey, recomputed, wire }) => {
    const challenge = hex(recomputed.clientChallengePlainHex);
    expect(toHex(encryptClientChallenge(clientKey, challenge))).toBe(toHex(wire.clientchallenge));
  });

  it.each(RUNS)('$id: what it sees in challengeresponse', ({ clientKey, hostKey, wire, recomputed }) => {
    const opened = openChallengeResponse(clientKey, wire.challengeresponse);
    const seen = Buffer.concat([
      opened?.hostHash ?? Buffer.alloc(0),
      opened?.hostChallenge ?? Buffer.alloc(0),
    ]);
    expect(toHex(seen)).toBe(recomputed.challengeResponseAsSeenByClientHex);
    const meant = openChallengeResponse(hostKey, wire.challengeresponse);
    expect(toHex(meant?.hostHash)).toBe(recomputed.hashStep2ByHostHex);
    expect(toHex(meant?.hostChallenge)).toBe(recomputed.hostChallengeHex);
  });

  it.each(RUNS)(
    '$id: serverchallengeresp',
    ({ clientKey, clientSignature, clientSecret, wire, recomputed }) => {
      const opened = openChallengeResponse(clientKey, wire.challengeresponse);
      const hostChallenge = opened?.hostChallenge ?? Buffer.alloc(0);
      const answer = answerHostChallenge({ key: clientKey, hostChallenge, clientSignature, clientSecret });
      expect(toHex(answer)).toBe(toHex(wire.serverchallengeresp));
      expect(toHex(openServerChallengeResponse(clientKey, answer))).toBe(
        recomputed.serverChallengeRespPlainByClientHex,
      );
    },
  );

  it.each(RUNS)('$id: verdict on pairingsecret', ({ clientKey, hostSignature, wire, recomputed }) => {
    const hostSecret = openPairingSecret(wire.pairingsecret, host.certPem) ?? Buffer.alloc(0);
    expect(toHex(hostSecret)).toBe(recomputed.hostSecretHex);
    const hostHash = openChallengeResponse(clientKey, wire.challengeresponse)?.hostHash ?? Buffer.alloc(0);
    const clientChallenge = hex(recomputed.clientChallengePlainHex);
    const isKnown = verifyHostHash({ hostHash, clientChallenge, hostSignature, hostSecret });
    expect(isKnown).toBe(recomputed.step2HashMatches);
  });

  it.each(RUNS)('$id: clientpairingsecret', ({ run, clientSecret, wire, recomputed }) => {
    expect(toHex(makePairingSecret(clientSecret, run.clientKeyPem))).toBe(toHex(wire.clientpairingsecret));
    expect(toHex(wire.clientpairingsecret)).toBe(
      recomputed.clientSecretHex + recomputed.clientSecretSignatureHex,
    );
  });
});

/** Self-signed, P-256. */
const EC_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBcTCCARegAwIBAgIUAs3jocuid8TwEsFzFzpAP9cb3JMwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCZWMwIBcNMjYxMTIxMDc1MzUyWhgPMjEyNjEwMjgwNzUzNTJa
MA0xCzAJBgNVBAMMAmVjMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEetKWZLub
eFnC4G/wfadHTt8FzA43RA51QxjrwvorcRkbYwMFHJbFVlMtyPBe5pnmNPTMmqcb
7mSyNOYVjKLDE6NTMFEwHQYDVR0OBBYEFOY152gu5qfbXAT+LbOeukQ1amTpMB8G
A1UdIwQYMBaAFOY152gu5qfbXAT+LbOeukQ1amTpMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDSAAwRQIgVFePLeRzcT+SHiAaRFcrd/EiZFxlJA2a1yPlXKG0
48MCIQDIuYfMWzlSURmWp9E25gRULyftftVDP170aKRW815Ljw==
-----END CERTIFICATE-----
`;

const key = Buffer.alloc(16, 7);
const some16 = Buffer.alloc(16, 1);

describe('messages of the wrong size', () => {
  it.each([0, 1, 15, 17, 31, 33, 47, 49, 64])('of %i bytes are refused', (size) => {
    const bytes = Buffer.alloc(size);
    const host16 = { hostSignature: Buffer.alloc(256), hostSecret: some16, hostChallenge: some16 };
    expect(answerClientChallenge({ key, clientChallenge: bytes, ...host16 })).toBeUndefined();
    expect(openServerChallengeResponse(key, bytes)).toBeUndefined();
    expect(openChallengeResponse(key, bytes)).toBeUndefined();
    expect(openPairingSecret(bytes, host.certPem)).toBeUndefined();
    const [clientSignature, clientSecret] = [Buffer.alloc(256), some16];
    expect(
      verifyClientHash({ clientHash: bytes, hostChallenge: some16, clientSignature, clientSecret }),
    ).toBe(false);
  });
});

describe('openPairingSecret', () => {
  const secret = makePairingSecret(some16, host.keyPem);

  it('refuses any other secret and any other signature', () => {
    fc.assert(
      fc.property(fc.nat({ max: secret.length - 1 }), fc.integer({ min: 1, max: 255 }), (offset, flip) => {
        const damaged = Buffer.from(secret);
        damaged[offset] = (damaged[offset] ?? 0) ^ flip;
        expect(openPairingSecret(damaged, host.certPem)).toBeUndefined();
      }),
    );
  });

  it('refuses the signature of another key', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(openPairingSecret(makePairingSecret(some16, pem), host.certPem)).toBeUndefined();
  });

  it('refuses garbage for a certificate', () => {
    fc.assert(
      fc.property(fc.string(), (pem) => {
        expect(openPairingSecret(secret, pem)).toBeUndefined();
      }),
    );
  });

  it('never throws on a damaged certificate', () => {
    const der = new X509Certificate(host.certPem).raw;
    for (const offset of der.keys()) {
      const damaged = Buffer.from(der);
      damaged[offset] = (damaged[offset] ?? 0) ^ 0x20;
      const pem = `-----BEGIN CERTIFICATE-----\n${damaged.toString('base64')}\n-----END CERTIFICATE-----\n`;
      const opened = openPairingSecret(secret, pem);
      if (opened !== undefined) expect(opened).toEqual(some16);
    }
  });

  it('refuses a certificate whose key is not RSA', () => {
    expect(openPairingSecret(secret, EC_CERTIFICATE)).toBeUndefined();
    expect(certificateSignature(EC_CERTIFICATE)).toBeDefined();
  });
});

describe('a pairing between both sides of this module', () => {
  it.each([
    { name: 'the same PIN', hostPin: '0420', isEqual: true },
    { name: 'another PIN', hostPin: '0421', isEqual: false },
  ])('with $name: both verdicts are $isEqual', ({ hostPin, isEqual }) => {
    const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
    const [signatures] = RUNS;
    const { clientSignature = key, hostSignature = key } = signatures ?? {};
    fc.assert(
      fc.property(
        bytes16,
        bytes16,
        bytes16,
        fc.tuple(bytes16, bytes16),
        (salt, challenge, hostChallenge, secrets) => {
          const [hostSecret, clientSecret] = secrets;
          const clientKey = derivePairingKey(salt, '0420');
          const hostKey = derivePairingKey(salt, hostPin);
          const clientChallenge = encryptClientChallenge(clientKey, challenge);
          const host16 = { hostSignature, hostSecret, hostChallenge };
          const response = answerClientChallenge({ key: hostKey, clientChallenge, ...host16 }) ?? key;
          const opened = openChallengeResponse(clientKey, response) ?? { hostHash: key, hostChallenge: key };
          const answer = answerHostChallenge({ ...opened, key: clientKey, clientSignature, clientSecret });
          const clientHash = openServerChallengeResponse(hostKey, answer) ?? key;
          const { hostHash } = opened;
          expect(verifyHostHash({ hostHash, clientChallenge: challenge, hostSignature, hostSecret })).toBe(
            isEqual,
          );
          expect(verifyClientHash({ clientHash, hostChallenge, clientSignature, clientSecret })).toBe(
            isEqual,
          );
        },
      ),
    );
  });
});
