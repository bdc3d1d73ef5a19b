/**
 * GET /pair and /unpair. Steps 1 to 4 of pairing come over HTTP, the fifth over HTTPS; which step it is, is told by
 * the parameter that it has. The exchange itself is in proxy/pairing.
 */
import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { fingerprintOf } from '../../core/identity/certificate.ts';
import { writeXml } from '../../core/protocol/moonlight/xml.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { PairedClients } from '../pairing/clients.ts';
import type { PairingExchanges } from '../pairing/exchange.ts';
import type { PairingStep } from '../pairing/state.ts';
import { XML_TYPE, type MoonlightServer } from './app.ts';
import { leftSignal } from './client-left.ts';
import { pairedClient } from './client.ts';
import type { HttpLimits } from './limits.ts';

/** Hexadecimal text of whole bytes; the URL's own limit bounds it. */
const Hex = z
  .string()
  .regex(/^([0-9a-fA-F]{2})+$/)
  .transform((text) => Buffer.from(text, 'hex'));

const FirstStep = z.object({
  phrase: z.literal('getservercert'),
  /** 16 bytes. */
  salt: Hex.refine((bytes) => bytes.length === 16),
  /** The PEM text. */
  clientcert: Hex,
});
const LaterStep = z.object({
  phrase: z.never().optional(),
  clientchallenge: Hex.optional(),
  serverchallengeresp: Hex.optional(),
  clientpairingsecret: Hex.optional(),
});

/** The field of the answer to each later step; step 4 has none. */
const ANSWER_FIELDS = {
  clientchallenge: 'challengeresponse',
  serverchallengeresp: 'pairingsecret',
  clientpairingsecret: undefined,
} as const satisfies Record<PairingStep, string | undefined>;
const LATER_STEPS = ['clientchallenge', 'serverchallengeresp', 'clientpairingsecret'] as const;

const UNPAIR_REFUSED = 403;
const TOO_MANY = 'Too many clients ask to pair: try again in a minute';

export interface PairDeps {
  exchanges: PairingExchanges;
  identity: { certificatePem: string };
  limits: Pick<HttpLimits, 'takePairing'>;
}

/** Steps 1 to 4, and the refusal to unpair: whoever asks over HTTP has proven nothing. */
export function registerPair(app: MoonlightServer, { exchanges, identity, limits }: PairDeps): void {
  const plaincert = Buffer.from(identity.certificatePem).toString('hex');

  app.get('/pair', { schema: { querystring: z.union([FirstStep, LaterStep]) } }, async (request, reply) => {
    const { query } = request;
    const address = request.origin.source;
    if ('salt' in query) {
      if (!limits.takePairing(address))
        return reply.type(XML_TYPE).send(writeXml(503, {}, { statusMessage: TOO_MANY }));
      const certificate = readCertificate(query.clientcert);
      await exchanges.begin({ address, salt: query.salt, ...certificate }, leftSignal(reply));
      return reply.type(XML_TYPE).send(writeXml(200, { paired: 1, plaincert }));
    }
    const { step, bytes } = laterStep(query);
    const answer = await exchanges.advance(address, step, bytes);
    const field = ANSWER_FIELDS[step];
    const fields = field && answer ? { [field]: Buffer.from(answer).toString('hex') } : {};
    return reply.type(XML_TYPE).send(writeXml(200, { paired: 1, ...fields }));
  });

  app.get('/unpair', async (request, reply) => {
    await exchanges.abandon(request.origin.source);
    const statusMessage = 'Clients are removed on the PIN page of this host';
    return reply.type(XML_TYPE).send(writeXml(UNPAIR_REFUSED, {}, { statusMessage }));
  });
}

/** Step 5: whether the certificate of this connection is paired. */
export function registerPairChallenge(app: MoonlightServer, clients: PairedClients): void {
  const Query = z.object({ phrase: z.literal('pairchallenge') });
  app.get('/pair', { schema: { querystring: Query } }, (request, reply) => {
    pairedClient(request, clients);
    return reply.type(XML_TYPE).send(writeXml(200, { paired: 1 }));
  });
}

function laterStep(query: z.output<typeof LaterStep>): { step: PairingStep; bytes: Uint8Array } {
  for (const step of LATER_STEPS) {
    const bytes = query[step];
    if (bytes !== undefined) return { step, bytes };
  }
  throw new GleipnirError('REQUEST_INVALID', 'This is no step of pairing');
}

/** @throws GleipnirError REQUEST_INVALID for what is no certificate of an RSA key. */
function readCertificate(bytes: Buffer): { certificatePem: string; fingerprint: string } {
  const certificatePem = bytes.toString('utf8');
  const fingerprint = fingerprintOf(certificatePem);
  if (fingerprint === undefined || !hasRsaKey(certificatePem)) {
    throw new GleipnirError('REQUEST_INVALID', 'The client certificate is not readable');
  }
  return { certificatePem: new X509Certificate(certificatePem).toString(), fingerprint };
}

function hasRsaKey(certificatePem: string): boolean {
  try {
    return new X509Certificate(certificatePem).publicKey.asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
}
