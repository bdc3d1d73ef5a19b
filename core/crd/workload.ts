/**
 * The parts of Kubernetes' own objects that Users and Apps contain. Only what Gleipnir looks at is spelled out; everything
 * else is kept as it was written, and judged by the API server when a pod is made of it.
 */
import { z } from 'zod';

const QUANTITY = /^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$/;

/** A Kubernetes quantity: `2`, `500m`, `8Gi`. */
const Quantity = z
  .union([z.number().int(), z.string().max(32).regex(QUANTITY)])
  .meta({ 'x-kubernetes-int-or-string': true });

const Quantities = z.record(z.string(), Quantity).meta({ maxProperties: 16 });

export const ResourceRequirements = z
  .looseObject({
    requests: Quantities.optional().describe('What the scheduler sets aside, by resource.'),
    limits: Quantities.optional().describe('What it may use at most, by resource.'),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: '!has(self.requests) || !has(self.limits) || self.requests.all(name, !(name in self.limits) || quantity(string(self.requests[name])).compareTo(quantity(string(self.limits[name]))) <= 0)',
        message: 'requests must not be above limits',
      },
    ],
  });

const NAME = z.string().min(1).max(63);

/** A volume of a pod. Its source (hostPath, persistentVolumeClaim, ...) is kept as it is. */
export const Volume = z.looseObject({ name: NAME.describe('Name that mounts refer to.') });

export const VolumeMount = z.looseObject({
  name: NAME.describe('Name of the volume.'),
  mountPath: z.string().min(1).max(4_096).describe('Where the container sees it.'),
  readOnly: z.boolean().optional().describe('Whether the container must not write to it.'),
  subPath: z.string().max(4_096).optional().describe('Folder of the volume that is mounted.'),
});

export const EnvVar = z
  .looseObject({
    name: z.string().min(1).max(256).describe('Name of the variable.'),
    value: z.string().max(32_768).optional().describe('Its value.'),
    valueFrom: z.looseObject({}).optional().describe('Where its value comes from.'),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: "!has(self.valueFrom) || !has(self.value) || self.value == ''",
        message: 'value and valueFrom exclude each other',
      },
    ],
  });

const TemplateMeta = z.looseObject({
  labels: z.record(z.string(), z.string()).optional().describe('Labels of what is made of it.'),
  annotations: z.record(z.string(), z.string()).optional().describe('Annotations of what is made of it.'),
});

/** A PodTemplateSpec. The API server checks the whole of it when the pod is made. */
export const PodTemplate = z.looseObject({
  metadata: TemplateMeta.optional().describe('Labels and annotations of the pod.'),
  spec: z
    .looseObject({
      containers: z
        .array(z.looseObject({ name: NAME.describe('Name of the container.') }))
        .min(1)
        .max(64)
        .describe('The game, and what it needs beside it.'),
    })
    .describe('As the spec of a Pod; what is not listed here is kept.'),
});

/** A PersistentVolumeClaimTemplate. */
export const VolumeClaimTemplate = z.looseObject({
  metadata: TemplateMeta.optional().describe('Labels and annotations of the claim.'),
  spec: z
    .looseObject({
      accessModes: z.array(z.string().max(64)).max(8).optional().describe('ReadWriteOnce where absent.'),
      storageClassName: z.string().max(253).optional().describe("The cluster's own where absent."),
      resources: ResourceRequirements.optional().describe('5Gi of storage where absent.'),
    })
    .optional()
    .describe('As the spec of a PersistentVolumeClaim; what is not listed here is kept.'),
});
