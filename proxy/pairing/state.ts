/**
 * Order of a pairing exchange. Each of the client's steps is one HTTP GET of /pair; whatever comes out of order
 * ends the exchange. Cryptography is in handshake.ts; this file knows only the order.
 *
 *   awaitsPin --pin--> queued --release--> certSent --clientchallenge--> challenged
 *   challenged --serverchallengeresp--> answered --clientpairingsecret--> paired
 *
 * An exchange starts with getservercert, whose answer is what `release` lets go. The fifth step, pairchallenge over
 * HTTPS, is no part of it: it asks whether the certificate is paired, like every later request.
 */

/** What moves an exchange on: two events of this host, then the client's steps by their parameter. */
export const PAIRING_EVENTS = [
  'pin',
  'release',
  'clientchallenge',
  'serverchallengeresp',
  'clientpairingsecret',
] as const;
export type PairingEvent = (typeof PAIRING_EVENTS)[number];

/** Steps 2 to 4 of the client. */
export type PairingStep = Exclude<PairingEvent, 'pin' | 'release'>;

/** Why an exchange failed. */
export type PairingFailure = 'outOfOrder' | 'malformed' | 'pinWrong' | 'notTheClient';

/** What must be remembered differs by phase, so that a phase cannot be read without its data. */
export type PairingState =
  | { phase: 'awaitsPin' }
  | { phase: 'queued'; key: Uint8Array }
  | { phase: 'certSent'; key: Uint8Array }
  | { phase: 'challenged'; key: Uint8Array; hostSecret: Uint8Array; hostChallenge: Uint8Array }
  | { phase: 'answered'; clientHash: Uint8Array; hostChallenge: Uint8Array }
  | { phase: 'paired' }
  | { phase: 'failed'; reason: PairingFailure };
export type PairingPhase = PairingState['phase'];

const TRANSITIONS = {
  awaitsPin: { pin: 'queued' },
  queued: { release: 'certSent' },
  certSent: { clientchallenge: 'challenged' },
  challenged: { serverchallengeresp: 'answered' },
  answered: { clientpairingsecret: 'paired' },
  paired: {},
  failed: {},
} as const satisfies Record<PairingPhase, Partial<Record<PairingEvent, PairingPhase>>>;

/** The phase after `event`; `failed` for every event that `phase` does not expect. */
export function nextPhase(phase: PairingPhase, event: PairingEvent): PairingPhase {
  const expected: Partial<Record<PairingEvent, PairingPhase>> = TRANSITIONS[phase];
  return expected[event] ?? 'failed';
}
