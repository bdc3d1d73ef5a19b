/** The kinds Gleipnir keeps in the object store, by name. Group, version and plurals as in Kubernetes. */
import { App } from './app.ts';
import { Pairing } from './pairing.ts';
import { Session } from './session.ts';
import { User } from './user.ts';

export { API_GROUP, API_VERSION, ObjectMeta, type Condition } from './metadata.ts';
export { App } from './app.ts';
export { Pairing } from './pairing.ts';
export { Session, SESSION_PHASES, SessionPhase, type SessionStatus } from './session.ts';
export { User } from './user.ts';

/** Every kind by name, with its schema and plural (the folder and the URL segment). */
export const KINDS = {
  User: { schema: User, plural: 'users' },
  App: { schema: App, plural: 'apps' },
  Pairing: { schema: Pairing, plural: 'pairings' },
  Session: { schema: Session, plural: 'sessions' },
} as const;
export type Kind = keyof typeof KINDS;
export interface ObjectOf {
  User: User;
  App: App;
  Pairing: Pairing;
  Session: Session;
}
