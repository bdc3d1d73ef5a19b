/** Settings that every part has, under the same names, and settings of which several parts have some. */
import { z } from 'zod';
import { IpAddress, Port } from './config.ts';
import { LOG_FORMATS } from './log.ts';

/** Comma-separated. */
export const List = z
  .string()
  .optional()
  .transform((text = '') =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );

/** Of a part among those of its kind. */
export const PartName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/, 'a host name of at most 63 characters');

export const AllowLoopback = z
  .enum(['yes', 'no'])
  .default('no')
  .describe('Whether hosts may be on this very machine.');

/** To be spread into every schema. */
export const LOG_VARIABLES = {
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'])
    .default('info')
    .describe('From how grave on the log says something.'),
  LOG_FORMAT: z
    .enum(LOG_FORMATS)
    .default('auto')
    .describe('How log lines look. auto: readable on a terminal, JSON elsewhere.'),
};

/** To be spread into the schema of a part that runs apart. */
export const PART_VARIABLES = {
  ...LOG_VARIABLES,
  DEPLOYMENT_KEY_FILE: z
    .string()
    .min(1)
    .describe('File with the deployment key, 32 bytes in base64; the same for all parts.'),
  HEALTH_ADDRESS: IpAddress.default('127.0.0.1').describe('Address of /healthz, /readyz and /metrics.'),
};

/** The port of /healthz, /readyz and /metrics. */
export function healthPort(standard: number): z.ZodType<number> {
  return Port.default(standard).describe('TCP: /healthz, /readyz, /metrics.');
}
