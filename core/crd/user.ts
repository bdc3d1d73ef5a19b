/** User: a person, with what their sessions may use. */
import { z } from 'zod';
import { conditionsOf, ObjectMeta } from './metadata.ts';
import { EnvVar, ResourceRequirements, Volume, VolumeMount } from './workload.ts';

const BY_NAME = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] };

/** Settings of one container that is put beside the game, merged over the defaults. */
const SidecarPolicy = z.object({
  env: z.array(EnvVar).max(128).meta(BY_NAME).optional().describe('Variables added to its environment.'),
  resources: ResourceRequirements.optional().describe('Replaces its requests and limits.'),
  volumeMounts: z
    .array(VolumeMount)
    .max(64)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['mountPath'] })
    .optional()
    .describe('Volumes of the User that it sees too.'),
  securityContext: z
    .looseObject({})
    .optional()
    .describe('Its SecurityContext, as in a Pod; fields are kept as they are.'),
  hostIPC: z
    .boolean()
    .optional()
    .describe(
      'Whether the whole pod shares the IPC namespace of its node; one policy that says so is enough.',
    ),
});

export const User = z.object({
  kind: z.literal('User'),
  metadata: ObjectMeta,
  spec: z
    .object({
      resources: ResourceRequirements.optional().describe(
        'Ceiling of the game container; above it, no session.',
      ),
      volumes: z
        .array(Volume)
        .max(64)
        .meta(BY_NAME)
        .optional()
        .describe('Volumes that containers may mount.'),
      sidecarPolicies: z
        .object({
          wolf: SidecarPolicy.optional().describe('Policy of Wolf.'),
          pulseaudio: SidecarPolicy.optional().describe('Policy of the sound server.'),
          wolfAgent: SidecarPolicy.optional().describe('Policy of the agent.'),
        })
        .optional()
        .describe('Settings of the containers beside the game.'),
      subjects: z
        .array(z.string().min(1).max(253))
        .max(64)
        .meta({ 'x-kubernetes-list-type': 'set' })
        .optional()
        .describe('Names by which an authenticating proxy knows this person.'),
      maxSessions: z
        .number()
        .int()
        .min(0)
        .max(1_000)
        .optional()
        .describe('Sessions at once; no limit where absent.'),
      hostSelector: z
        .record(z.string(), z.string().max(63))
        .optional()
        .describe('Labels that a static host must carry to play for this person.'),
    })
    .describe('What this person may use.'),
  status: z
    .object({
      conditions: conditionsOf('Accepted says whether its subjects are its own'),
      sessions: z.number().int().nonnegative().optional().describe('Sessions that are not over.'),
    })
    .optional()
    .describe('What the operator knows about them.'),
});
export type User = z.output<typeof User>;
