/** Why a host is not up, in a few words for people: they stand in brackets behind its name. */
import { GleipnirError } from '../../core/runtime/errors.ts';

/** By the reason that HOST_UNREACHABLE gives. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused: nothing listens at its port',
  ECONNRESET: 'it hangs up',
  EPIPE: 'it hangs up',
  ETIMEDOUT: 'no answer',
  timeout: 'no answer',
  EHOSTUNREACH: 'no way to its address',
  ENETUNREACH: 'no way to its network',
  EHOSTDOWN: 'no answer',
  ENOTFOUND: 'nobody knows its name',
  EAI_AGAIN: 'its name cannot be looked up',
  EADDRNOTAVAIL: 'its address is none',
  malformed: 'what answers is no Moonlight host',
  truncated: 'what answers is no Moonlight host',
  'too large': 'what answers is no Moonlight host',
  HPE_INVALID_CONSTANT: 'what answers is no Moonlight host',
};

/** The same of its API socket. */
const SOCKET_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its wolfSocket is not there',
  EACCES: 'this user may not open its wolfSocket',
  ECONNREFUSED: 'nobody answers at its wolfSocket',
};

/** @param error what asking the host, or pairing with it, failed with. */
export function describeHostProblem(error: unknown): string {
  if (!(error instanceof GleipnirError)) return 'an error that the log has';
  const { code, details } = error;
  const reason = String(details['reason'] ?? '');
  switch (code) {
    case 'HOST_UNREACHABLE': {
      const known = details['socketPath'] === undefined ? REASONS : { ...REASONS, ...SOCKET_REASONS };
      return known[reason] ?? `no usable answer${reason === '' ? '' : `: ${reason}`}`;
    }
    case 'HOST_CERTIFICATE_CHANGED':
      return 'it shows another certificate than it was paired with';
    case 'HOST_NOT_PAIRED':
      return 'it does not know Gleipnir any more';
    case 'HOST_BUSY':
      return 'it is busy';
    case 'HOST_REFUSED':
      return details['message'] === undefined ? 'what answers is no Moonlight host' : 'it refuses';
    default:
      return error.message;
  }
}
