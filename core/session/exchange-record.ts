/** The row of a pairing exchange, written by whichever proxy takes its next step. */
import { z } from 'zod';

/** Of one exchange in order; `over` says how it ended. */
export const EXCHANGE_PHASES = ['awaitsPin', 'queued', 'certSent', 'challenged', 'answered', 'over'] as const;

/**
 * paired; pinWrong; expired: no PIN, or no further step, in time; clientLeft: it closed its connection;
 * replaced: the same client began anew; failed: anything else.
 */
export const PAIRING_OUTCOMES = [
  'paired',
  'pinWrong',
  'expired',
  'clientLeft',
  'replaced',
  'failed',
] as const;
export type PairingOutcome = (typeof PAIRING_OUTCOMES)[number];

/** Instants are ms since the epoch. */
export const ExchangeRecord = z.object({
  id: z.string().min(1).max(64),
  /** Counts the steps. */
  generation: z.number().int().positive(),
  phase: z.enum(EXCHANGE_PHASES),
  /** Canonical source address of the client. */
  address: z.string().min(2).max(45),
  /** SHA-256 of the client's certificate, lower-case hex. */
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  clientCertPEM: z.string().max(16_384),
  /** 16 bytes, hex. */
  salt: z.string().regex(/^[0-9a-f]{32}$/),
  /** What the person who entered the PIN said besides. */
  names: z.object({
    clientName: z.string().max(100).optional(),
    userName: z.string().max(253).optional(),
  }),
  /** When step 1 came. */
  since: z.number(),
  /** When it ends by itself; one that is over is forgotten then. */
  expiresAt: z.number(),
  /** When step 1 was answered. */
  releasedAt: z.number().optional(),
  /** What the next step needs, JSON, sealed with the deployment key. */
  secrets: z.string().optional(),
  /** Of one that is over. */
  outcome: z.enum(PAIRING_OUTCOMES).optional(),
});
export type ExchangeRecord = z.output<typeof ExchangeRecord>;
