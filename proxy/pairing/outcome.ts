/** How a pairing ends, and what the client is told when it does not end well. */
import { GleipnirError } from '../../core/runtime/errors.ts';
import { PAIRING_OUTCOMES, type PairingOutcome } from '../../core/session/exchange-record.ts';
import type { PairingFailure } from './state.ts';

export { PAIRING_OUTCOMES, type PairingOutcome };

/** What the answer to step 1 says when its exchange ended before its turn. */
export function endError(outcome: PairingOutcome): GleipnirError {
  switch (outcome) {
    case 'expired':
      return new GleipnirError('REQUEST_INVALID', 'The PIN was not entered in time: start pairing again');
    case 'replaced':
      return new GleipnirError('REQUEST_INVALID', 'This client started pairing again');
    case 'paired':
    case 'pinWrong':
    case 'clientLeft':
    case 'failed':
      return new GleipnirError('REQUEST_INVALID', 'Pairing was ended: start again');
  }
}

/** What the answer to a step says that ended its exchange. */
export function stepError(failure: PairingFailure): GleipnirError {
  switch (failure) {
    case 'outOfOrder':
      return new GleipnirError('REQUEST_INVALID', 'No pairing is under way here: start again');
    case 'malformed':
      return new GleipnirError('REQUEST_INVALID', 'This is not a valid pairing request');
    case 'notTheClient':
      return new GleipnirError('REQUEST_INVALID', 'The client does not hold the key of its certificate');
    case 'pinWrong':
      return new GleipnirError('PIN_WRONG', 'The PIN was wrong');
  }
}
