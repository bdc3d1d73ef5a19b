/** The kinds Gleipnir keeps in the object store: schemas and types. Group, version and plurals as in Kubernetes. */
import { z } from 'zod';

export const API_GROUP = 'direwolf.games-on-whales.github.io';
export const API_VERSION = `${API_GROUP}/v1alpha1`;

/** The part of Kubernetes' ObjectMeta that Gleipnir reads. */
export const ObjectMeta = z.object({
  name: z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/),
  uid: z.string().min(1),
  /** Counts changes of the spec, from 1. */
  generation: z.number().int().positive(),
  /** RFC 3339. */
  creationTimestamp: z.string(),
  labels: z.record(z.string(), z.string()).optional(),
});
export type ObjectMeta = z.output<typeof ObjectMeta>;

const Reference = z.object({ name: z.string().min(1) });

/** A Moonlight client that may connect: its certificate is its identity. */
export const Pairing = z.object({
  kind: z.literal('Pairing'),
  metadata: ObjectMeta,
  spec: z.object({
    userReference: Reference,
    /** The exact certificate of the client, PEM. */
    clientCertPEM: z.string().min(1),
    /** A name for people. */
    clientName: z.string().max(100).optional(),
    /** SHA-256 of the certificate's DER, lower-case hex: what each request is compared with. */
    fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  }),
});
export type Pairing = z.output<typeof Pairing>;

export const SESSION_PHASES = ['Pending', 'Provisioning', 'Ready', 'Streaming', 'Paused', 'Ended'] as const;
export const SessionPhase = z.enum(SESSION_PHASES);
export type SessionPhase = z.output<typeof SessionPhase>;

/** One client's game, from /launch to /cancel. Its secrets are in the session table, sealed, never here. */
export const Session = z.object({
  kind: z.literal('Session'),
  metadata: ObjectMeta,
  spec: z.object({
    userReference: Reference,
    pairingReference: Reference,
    /** `name` is the decimal Moonlight app id. */
    gameReference: Reference,
  }),
  status: z
    .object({
      phase: SessionPhase,
      /** Generation of the launch row that this status answers: 1 for /launch, one more for each /resume. */
      launchGeneration: z.number().int().nonnegative(),
      /** `sessionUrl0` for the client; set from Ready on. */
      streamURL: z.string().optional(),
      /** Name of the host that plays this session. */
      hostName: z.string().optional(),
      /** Why the session failed or ended, in words for the person. */
      message: z.string().optional(),
      /** Error code of a failed launch, from `ERROR_TRAITS`. */
      reason: z.string().optional(),
      /** Whether the stream stands still: no media from the host while the client is there. */
      isFrozen: z.boolean().optional(),
      /** Pairing of the client that plays now; another than the spec's after a take-over. */
      playedBy: z.string().optional(),
    })
    .optional(),
});
export type Session = z.output<typeof Session>;
export type SessionStatus = NonNullable<Session['status']>;

/** Every kind by name, with its schema and plural (the folder and the URL segment). */
export const KINDS = {
  Pairing: { schema: Pairing, plural: 'pairings' },
  Session: { schema: Session, plural: 'sessions' },
} as const;
export type Kind = keyof typeof KINDS;
export interface ObjectOf {
  Pairing: Pairing;
  Session: Session;
}
