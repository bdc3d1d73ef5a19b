/** The difference of two JSON values as a merge patch: what we did not change is not in it. Source: RFC 7386. */
import { isDeepStrictEqual } from 'node:util';

type Fields = Readonly<Record<string, unknown>>;

/**
 * What has to be merged into `from` to make it `to`. Lists are replaced as a whole; a field that is `undefined` counts as absent.
 *
 * @returns `undefined` where nothing has to.
 */
export function mergePatch(from: unknown, to: unknown): unknown {
  if (!isFields(from) || !isFields(to)) return isDeepStrictEqual(from, to) ? undefined : to;
  const patch: Record<string, unknown> = {};
  for (const field of Object.keys(from)) {
    if (from[field] !== undefined && to[field] === undefined) patch[field] = null;
  }
  for (const [field, value] of Object.entries(to)) {
    const change = value === undefined ? undefined : mergePatch(from[field], value);
    if (change !== undefined) patch[field] = change;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
