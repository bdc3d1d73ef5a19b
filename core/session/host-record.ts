/** Rows about the hosts, written by the operator: how each is, and the box art of what they offer. */
import { z } from 'zod';

/** Apps that one host may offer; further ones are not taken up. */
export const HOST_APPS_MAX = 1_024;
/** Bytes of one picture. */
export const ART_BYTES_MAX = 256 * 1_024;

export const HostRecord = z.object({
  /** Name of the host. */
  id: z.string().min(1).max(63),
  /** Counts the changes. */
  generation: z.number().int().positive(),
  /** IP address or name. */
  address: z.string(),
  /** As of `HostState`. */
  state: z.enum(['up', 'down', 'unpaired']),
  /** As of `HostState`. */
  problem: z.string().nullable().default(null),
  /** As of `HostState`. */
  notices: z.array(z.string()).default([]),
  /** Sessions it may play at once. */
  capacity: z.number().int().min(0),
  /** Sessions that have a place on it. */
  used: z.number().int().min(0),
  labels: z.record(z.string(), z.string()),
  /** What it offers now, by the id that clients know. */
  apps: z
    .array(z.object({ id: z.number().int().positive(), title: z.string(), isHdrSupported: z.boolean() }))
    .max(HOST_APPS_MAX),
  /** Its ServerCodecModeSupport; absent while it is down, as the next. */
  codecModes: z.number().int().optional(),
  maxLumaPixelsHEVC: z.number().optional(),
  /** The PIN that a person must type at it, sealed with the deployment key; gone once that was done. */
  pin: z.string().optional(),
});
export type HostRecord = z.output<typeof HostRecord>;

export const ArtRecord = z.object({
  /** The app's id, in decimal. */
  id: z.string().regex(/^[0-9]{1,10}$/),
  /** Counts the changes. */
  generation: z.number().int().positive(),
  /** Media type, by the bytes themselves. */
  type: z.enum(['image/png', 'image/jpeg', 'image/webp']),
  /** Base64; at most ART_BYTES_MAX before that. */
  bytes: z.base64().max(Math.ceil(ART_BYTES_MAX / 3) * 4),
});
export type ArtRecord = z.output<typeof ArtRecord>;
