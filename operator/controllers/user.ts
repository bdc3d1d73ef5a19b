/** User controller: says of each User whether its subjects are its own, and how many of its games run. */
import { holdersOf } from '../../core/crd/precedence.ts';
import type { Session, User } from '../../core/crd/types.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { ObjectStore, StatusOf } from '../../core/store/object-store.ts';
import { withAccepted, type Observation } from './conditions.ts';
import { StatusKeeper } from './statuses.ts';

export interface UserControllerDeps {
  users: Pick<ObjectStore<'User'>, 'list' | 'watch' | 'patchStatus'>;
  sessions: Pick<ObjectStore<'Session'>, 'list' | 'watch'>;
  log: Logger;
  /** Milliseconds since the epoch. */
  now: () => number;
}

export function createUserController({
  users,
  sessions,
  log,
  now,
}: UserControllerDeps): StatusKeeper<'User'> {
  return new StatusKeeper({
    kind: 'User',
    store: users,
    judge: async (all) => judgeUsers(all, await sessions.list(), new Date(now())),
    watchMore: (look) =>
      sessions.watch(({ type, object }) => {
        if (type !== 'modified' || isOver(object)) look();
      }),
    log,
  });
}

function judgeUsers(
  users: readonly User[],
  sessions: readonly Session[],
  now: Date,
): (user: User) => StatusOf<'User'> {
  const holders = holdersOf(users, ({ spec }) => spec.subjects ?? []);
  const playing = new Map<string, number>();
  for (const session of sessions) {
    const { name } = session.spec.userReference;
    if (!isOver(session)) playing.set(name, (playing.get(name) ?? 0) + 1);
  }
  return (user) => ({
    ...user.status,
    conditions: withAccepted(user, observe(user, holders), now),
    sessions: playing.get(user.metadata.name) ?? 0,
  });
}

function observe(user: User, holders: ReadonlyMap<string, User>): Observation {
  for (const subject of user.spec.subjects ?? []) {
    const { metadata } = holders.get(subject) ?? user;
    if (metadata.name === user.metadata.name) continue;
    const message = `The User ${metadata.name} is older and has the subject ${subject}`;
    return { holds: false, reason: 'SubjectTaken', message };
  }
  return { holds: true, reason: 'Accepted', message: 'Its subjects are its own' };
}

function isOver({ status }: Session): boolean {
  return status?.phase === 'Ended';
}
