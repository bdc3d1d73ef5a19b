/** Session: one client's game, from /launch to /cancel. Its secrets are in the session table, sealed, never here. */
import { z } from 'zod';
import { conditionsOf, ObjectMeta, Reference } from './metadata.ts';

export const SESSION_PHASES = ['Pending', 'Provisioning', 'Ready', 'Streaming', 'Paused', 'Ended'] as const;
export const SessionPhase = z.enum(SESSION_PHASES);
export type SessionPhase = z.output<typeof SessionPhase>;

const PortNumber = z.number().int().min(0).max(65_535).optional();

/** Keys that the older system put into the object. Accepted, so that its manifests apply, and never read. */
const SECRETS: readonly string[] = ['aesKey', 'aesIV'];

/** The older system's settings of a stream: kept in the object, without meaning to Gleipnir. */
const Config = z
  .looseObject({
    clientIP: z.string().max(64).optional().describe('Accepted, not used.'),
    aesKey: z.string().max(256).optional().describe('Accepted, never written or read.'),
    aesIV: z.string().max(256).optional().describe('Accepted, never written or read.'),
    videoWidth: z.number().int().optional().describe('Accepted, not used.'),
    videoHeight: z.number().int().optional().describe('Accepted, not used.'),
    videoRefreshRate: z.number().int().optional().describe('Accepted, not used.'),
    surroundAudioFlags: z.number().int().optional().describe('Accepted, not used.'),
  })
  .transform((config: Record<string, unknown>): Record<string, unknown> =>
    Object.fromEntries(Object.entries(config).filter(([field]) => !SECRETS.includes(field))),
  );

export const Session = z.object({
  kind: z.literal('Session'),
  metadata: ObjectMeta,
  spec: z
    .object({
      userReference: Reference.describe('The User who plays.'),
      pairingReference: Reference.describe('The Pairing of the client that launched it.'),
      gameReference: Reference.describe('The game: the decimal Moonlight app id.'),
      gateway: z
        .looseObject({
          name: z.string().max(253).optional().describe('Accepted, not used.'),
          namespace: z.string().max(253).optional().describe('Accepted, not used.'),
        })
        .optional()
        .describe('Gateway of the older system; accepted, not used.'),
      config: Config.optional().describe('Stream settings of the older system; accepted, not used.'),
    })
    .meta({
      'x-kubernetes-validations': [
        {
          rule: 'self.userReference == oldSelf.userReference && self.gameReference == oldSelf.gameReference && self.pairingReference == oldSelf.pairingReference',
          message: 'a Session cannot be changed: delete it to end the game',
        },
      ],
    })
    .describe('Who plays what, and from where.'),
  status: z
    .object({
      phase: SessionPhase.describe('How far it is.'),
      launchGeneration: z
        .number()
        .int()
        .nonnegative()
        .describe(
          'Generation of the launch row that this status answers: 1 for /launch, one more per /resume.',
        ),
      streamURL: z.string().optional().describe('sessionUrl0 for the client; set from Ready on.'),
      hostName: z.string().optional().describe('Name of the host that plays it.'),
      message: z.string().optional().describe('Why it failed or ended, in words for the person.'),
      reason: z.string().optional().describe('Error code of a failed launch (docs/errors.md).'),
      isFrozen: z
        .boolean()
        .optional()
        .describe('Whether the stream stands still: no media from the host while the client is there.'),
      playedBy: z
        .string()
        .optional()
        .describe("Pairing of the client that plays now; another than the spec's after a take-over."),
      conditions: conditionsOf('Scheduled, PodReady, HostReady, Streaming'),
      observedGeneration: z
        .number()
        .int()
        .nonnegative()
        .optional()
        .describe('Generation of the spec that this status answers.'),
      podName: z.string().optional().describe('Pod that plays it, where one does.'),
      nodeName: z.string().optional().describe('Node of that pod.'),
      wolfSessionID: z.string().optional().describe("Wolf's own name of it."),
      deploymentName: z.string().optional().describe('Set by the older system only.'),
      serviceName: z.string().optional().describe('Set by the older system only.'),
      ports: z
        .looseObject({
          rtsp: PortNumber.describe('TCP.'),
          control: PortNumber.describe('UDP.'),
          videoRTP: PortNumber.describe('UDP.'),
          audioRTP: PortNumber.describe('UDP.'),
        })
        .optional()
        .describe('Set by the older system only.'),
    })
    .optional()
    .describe('What the operator knows about it.'),
});
export type Session = z.output<typeof Session>;
export type SessionStatus = NonNullable<Session['status']>;
