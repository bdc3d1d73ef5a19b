/** Configuration: environment variables in, one frozen and fully typed object out, or a `CONFIG_INVALID`. */
import { z } from 'zod';
import { GleipnirError } from './errors.ts';

/** A UDP or TCP port that something listens on; 0 lets the system choose one. */
export const Port = z.coerce.number().int().min(0).max(65_535);

/** A whole number of milliseconds, for a variable whose name ends in `_MS`. */
export const DurationMs = z.coerce.number().int().positive();

/**
 * Reads a component's configuration, once, at start. A variable that is set to nothing counts as not set.
 *
 * @param env the process environment, passed in so that tests need not touch the real one.
 * @throws GleipnirError `CONFIG_INVALID` naming every offending variable, not only the first.
 */
export function loadConfig<S extends z.ZodType>(schema: S, env: NodeJS.ProcessEnv): Readonly<z.output<S>> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    throw new GleipnirError('CONFIG_INVALID', 'Configuration is invalid', {
      problems: z.prettifyError(parsed.error),
    });
  }
  return Object.freeze(parsed.data);
}
