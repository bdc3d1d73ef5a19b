/** What came of a form. The URL names a message, so that no text comes from the URL. */
import type { PairingOutcome } from '../pairing/outcome.ts';

interface MessageText {
  text: string;
  isGood: boolean;
}
const good = (text: string): MessageText => ({ text, isGood: true });
const bad = (text: string): MessageText => ({ text, isGood: false });

/** By the name that URLs carry. */
export const MESSAGES = {
  paired: good('Paired. The client may play now.'),
  pinWrong: bad(
    'The PIN was wrong, or the client gave up: start pairing on the client again and type its new PIN.',
  ),
  expired: bad('The client did not go on in time: start pairing on the client again.'),
  clientLeft: bad('The client went away: start pairing on it again.'),
  replaced: bad('The client started pairing anew: type the PIN that it shows now.'),
  failed: bad('Pairing failed: start it on the client again.'),
  waiting: good(
    'The PIN was passed on; the client has not finished yet. It is among the clients as soon as it is paired.',
  ),
  pendingGone: bad('This client no longer waits for a PIN.'),
  pinInvalid: bad(
    'A PIN has four digits, a name at most 100 characters, and a person is written with letters, digits and dashes.',
  ),
  renamed: good('The client was renamed.'),
  nameInvalid: bad('A name has at most 100 characters.'),
  clientGone: bad('This client is no longer paired.'),
  revoked: good('The client was removed. It has to pair again before it can play.'),
  ended: good('The session is being ended.'),
  loginWrong: bad('The name or the password is wrong.'),
  loginLimited: bad('Too many tries: wait a little, then try again.'),
  loggedOut: good('You are logged out.'),
} as const satisfies Record<string, MessageText> & Record<PairingOutcome, MessageText>;
export type Message = keyof typeof MESSAGES;
