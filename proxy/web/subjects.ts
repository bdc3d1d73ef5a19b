/** Who somebody at the console is: the User that the word of an authenticating proxy means. */
import { holdersOf } from '../../core/crd/precedence.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';

/**
 * Name of the User whose `subjects` have `subject`; the oldest, as the operator says in their status.
 *
 * @param subject exactly as the proxy wrote it; `undefined` for somebody whom none names.
 * @returns `undefined` for people whom no User is.
 */
export async function userNameOf(
  users: Pick<ObjectStore<'User'>, 'list'>,
  subject: string | undefined,
): Promise<string | undefined> {
  if (subject === undefined) return undefined;
  return holdersOf(await users.list(), ({ spec }) => spec.subjects ?? []).get(subject)?.metadata.name;
}
