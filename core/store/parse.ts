/** Values from outside as objects of the store: valid and frozen, or the reasons why not. */
import { KINDS, type Kind, type ObjectOf } from '../crd/types.ts';
import { GleipnirError } from '../runtime/errors.ts';
import { deepFreeze } from '../runtime/freeze.ts';

/** Never throws. @returns the object, frozen, or what is wrong with which of its fields. */
export function parseObject<K extends Kind>(
  kind: K,
  value: unknown,
): { object: ObjectOf[K] } | { problems: string } {
  const parsed = KINDS[kind].schema.safeParse(value);
  if (parsed.success) return { object: deepFreeze(parsed.data as ObjectOf[K]) };
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  return { problems: problems.join('; ') };
}

/** The same for an object that a caller wants to store. @throws GleipnirError REQUEST_INVALID */
export function validObject<K extends Kind>(kind: K, value: unknown): ObjectOf[K] {
  const parsed = parseObject(kind, value);
  if ('object' in parsed) return parsed.object;
  throw new GleipnirError('REQUEST_INVALID', 'The object is not valid', { problems: parsed.problems });
}
