/**
 * What the host answers in steps 2 to 4 of a pairing: state and request in, state and answer out, no I/O.
 *
 * Source: MOONLIGHT, section /pair. A wrong PIN shows only in step 4, where the client's hash does not match.
 */
import {
  answerClientChallenge,
  makePairingSecret,
  openPairingSecret,
  openServerChallengeResponse,
  verifyClientHash,
} from '../../core/protocol/pairing/crypto.ts';
import { nextPhase, type PairingFailure, type PairingState, type PairingStep } from './state.ts';

const SECRET_BYTES = 16;

/** Both ends of an exchange. */
export interface PairingParties {
  host: { privateKeyPem: string; certificateSignature: Uint8Array };
  client: { certificatePem: string; certificateSignature: Uint8Array };
  /** Unpredictable bytes. */
  random: (size: number) => Uint8Array;
}

/** The state after a step, and the bytes to answer with (none in step 4, or after a failure). */
export interface StepResult {
  state: PairingState;
  answer: Uint8Array | undefined;
}

/** Takes one step of the client; `bytes` is the step's parameter, hex decoded. Never throws on any bytes. */
export function takeStep(
  state: PairingState,
  step: PairingStep,
  bytes: Uint8Array,
  parties: PairingParties,
): StepResult {
  if (nextPhase(state.phase, step) === 'failed') return failed('outOfOrder');
  switch (state.phase) {
    case 'certSent':
      return challenge(state.key, bytes, parties);
    case 'challenged':
      return answer(state, bytes, parties);
    case 'answered':
      return confirm(state, bytes, parties);
    case 'awaitsPin':
    case 'queued':
    case 'paired':
    case 'failed':
      return failed('outOfOrder');
  }
}

function challenge(
  key: Uint8Array,
  clientChallenge: Uint8Array,
  { host, random }: PairingParties,
): StepResult {
  const hostSecret = random(SECRET_BYTES);
  const hostChallenge = random(SECRET_BYTES);
  const hostSignature = host.certificateSignature;
  const response = answerClientChallenge({ key, clientChallenge, hostSignature, hostSecret, hostChallenge });
  if (response === undefined) return failed('malformed');
  return { state: { phase: 'challenged', key, hostSecret, hostChallenge }, answer: response };
}

function answer(
  { key, hostSecret, hostChallenge }: PairingState & { phase: 'challenged' },
  bytes: Uint8Array,
  { host }: PairingParties,
): StepResult {
  const clientHash = openServerChallengeResponse(key, bytes);
  if (clientHash === undefined) return failed('malformed');
  return {
    state: { phase: 'answered', clientHash, hostChallenge },
    answer: makePairingSecret(hostSecret, host.privateKeyPem),
  };
}

function confirm(
  { clientHash, hostChallenge }: PairingState & { phase: 'answered' },
  bytes: Uint8Array,
  { client }: PairingParties,
): StepResult {
  const clientSecret = openPairingSecret(bytes, client.certificatePem);
  if (clientSecret === undefined) return failed('notTheClient');
  const clientSignature = client.certificateSignature;
  if (!verifyClientHash({ clientHash, hostChallenge, clientSignature, clientSecret }))
    return failed('pinWrong');
  return { state: { phase: 'paired' }, answer: undefined };
}

function failed(reason: PairingFailure): StepResult {
  return { state: { phase: 'failed', reason }, answer: undefined };
}
