/** What every kind has in common: group and version, metadata, references, conditions. As in Kubernetes. */
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

/** Another object of the same namespace, by name. */
export const Reference = z.object({
  name: z.string().min(1).max(253).describe('Name of the object, in the same namespace.'),
});

/** One observation about an object, shaped like the Conditions of Kubernetes' own objects. */
export const Condition = z.object({
  type: z.string().min(1).max(316).describe('What is observed; one condition for each type.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
  reason: z.string().min(1).max(1024).describe('Why, in one word for programs.'),
  message: z.string().max(32_768).describe('Why, in words for a person.'),
  lastTransitionTime: z.iso.datetime().describe('When the status last changed.'),
  observedGeneration: z
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe('Generation of the object that was looked at.'),
});
export type Condition = z.output<typeof Condition>;

/** @param types the conditions of one kind, for people. */
export function conditionsOf(types: string): z.ZodOptional<z.ZodArray<typeof Condition>> {
  return z
    .array(Condition)
    .max(32)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
    .optional()
    .describe(`What is observed about it: ${types}.`);
}
