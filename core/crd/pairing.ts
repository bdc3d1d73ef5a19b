/** Pairing: a Moonlight client that may connect; its certificate is its identity. */
import { z } from 'zod';
import { conditionsOf, ObjectMeta, Reference } from './metadata.ts';

export const Pairing = z.object({
  kind: z.literal('Pairing'),
  metadata: ObjectMeta,
  spec: z
    .object({
      userReference: Reference.describe('The User who plays with this client.'),
      clientCertPEM: z.string().min(1).max(16_384).describe('The exact certificate of the client, PEM.'),
      clientName: z.string().max(100).optional().describe('A name for people.'),
      fingerprint: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional()
        .describe(
          "SHA-256 of the certificate's DER, lower-case hex: what each request is compared with. Computed where absent.",
        ),
    })
    .meta({
      'x-kubernetes-validations': [
        {
          rule: 'self.clientCertPEM == oldSelf.clientCertPEM',
          message: 'clientCertPEM cannot be changed: another certificate is another Pairing',
        },
      ],
    })
    .describe('Who may connect, and as whom.'),
  status: z
    .object({
      lastSeen: z.iso.datetime().optional().describe('When the client last asked for anything, roughly.'),
      conditions: conditionsOf('Accepted says whether its certificate can be read and is its own'),
    })
    .optional()
    .describe('What is known about the client.'),
});
export type Pairing = z.output<typeof Pairing>;
