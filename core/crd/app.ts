/** App: one entry of the client's list of games, and how a pod for it is made or which static hosts offer it. */
import { z } from 'zod';
import { conditionsOf, ObjectMeta } from './metadata.ts';
import { PodTemplate, VolumeClaimTemplate } from './workload.ts';

/** Base64 of the largest picture that an object can hold beside the rest of it. */
const ART_CHARACTERS_MAX = 1_200_000;

const text = (): z.ZodString => z.string().max(4_096);

/** What Wolf is told about the App; unknown fields are kept and reach Wolf as they are. */
const WolfConfig = z.looseObject({
  title: text().optional().describe('Title inside Wolf; the title of the App where absent.'),
  id: text().optional().describe('Id inside Wolf.'),
  startAudioServer: z.boolean().optional().describe('Whether Wolf starts its own audio server.'),
  startVirtualCompositor: z.boolean().optional().describe('Whether Wolf starts its own compositor.'),
  audio: z
    .looseObject({ source: text().optional().describe('GStreamer source of the sound.') })
    .optional()
    .describe('Sound.'),
  video: z
    .looseObject({ source: text().optional().describe('GStreamer source of the picture.') })
    .optional()
    .describe('Picture.'),
  runner: z
    .looseObject({ type: text().optional().describe('Kind of runner: process, docker, child_session.') })
    .optional()
    .describe('How Wolf starts the game where no container of the template is the game.'),
  runtimeVariables: z
    .looseObject({
      renderNode: text().optional().describe('DRM render node, such as /dev/dri/renderD128.'),
      timeZone: text().optional().describe('Time zone of Wolf, such as Europe/Madrid; UTC where absent.'),
      logLevel: z
        .enum(['ERROR', 'WARNING', 'INFO', 'DEBUG', 'TRACE'])
        .optional()
        .describe("Wolf's log level."),
    })
    .optional()
    .describe('Environment of Wolf.'),
});

export const App = z.object({
  kind: z.literal('App'),
  metadata: ObjectMeta,
  spec: z
    .object({
      title: z.string().min(1).max(255).describe('Name that clients show.'),
      id: z
        .number()
        .int()
        .min(1)
        .max(0x7fff_ffff)
        .describe('Moonlight app id; of Apps with one id, only the oldest is offered.'),
      isHDRSupported: z.boolean().optional().describe('Whether it can be played in HDR; no where absent.'),
      appAssetWebP: z
        .base64()
        .max(ART_CHARACTERS_MAX)
        .optional()
        .describe('Box art as WebP, PNG or JPEG, in base64.'),
      template: PodTemplate.optional().describe('Pod of the game. Unknown fields are kept.'),
      wolfConfig: WolfConfig.optional().describe('Settings of Wolf for this App. Unknown fields are kept.'),
      volumeClaimTemplate: VolumeClaimTemplate.optional().describe(
        "Claim for the game's home folder, one for each User and App; without it, what a game saves ends with its session.",
      ),
      hosts: z
        .array(z.string().min(1).max(63))
        .max(256)
        .meta({ 'x-kubernetes-list-type': 'set' })
        .optional()
        .describe('Names of the static hosts that offer it.'),
    })
    .describe('What is offered.'),
  status: z
    .object({
      conditions: conditionsOf('Accepted says whether it is offered, or with which App its id collides'),
      available: z.boolean().optional().describe('Whether it could be played now.'),
    })
    .optional()
    .describe('What the operator knows about it.'),
});
export type App = z.output<typeof App>;
