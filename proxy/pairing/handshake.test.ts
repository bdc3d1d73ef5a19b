import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { certificateSignature } from '../../core/protocol/pairing/certificate.ts';
import { derivePairingKey } from '../../core/protocol/pairing/crypto.ts';
import { readCapture } from '../../test/support/captures.ts';
import { takeStep, type PairingParties } from './handshake.ts';
import type { PairingState, PairingStep } from './state.ts';

interface Run {
  id: string;
  pinTypedOnHost: string;
  clientCertPem: string;
  exchanges: { query: Record<string, string>; response: { body: string } | null }[];
  recomputed: { saltHex: string; hostSecretHex: string; hostChallengeHex: string };
}
interface Recording {
  host: { certPem: string; keyPem: string };
  runs: Run[];
}

const { host, runs } = readCapture<Recording>('pairing');
const STEPS = ['clientchallenge', 'serverchallengeresp', 'clientpairingsecret'] as const;
const bytes = (hex: string) => Buffer.from(hex, 'hex');

/** The parties of a recorded run; the host's randomness is the recorded one. */
function partiesOf({ clientCertPem, recomputed }: Run): PairingParties {
  const random = [recomputed.hostSecretHex, recomputed.hostChallengeHex].map(bytes);
  return {
    host: {
      privateKeyPem: host.keyPem,
      certificateSignature: certificateSignature(host.certPem) ?? Buffer.alloc(0),
    },
    client: {
      certificatePem: clientCertPem,
      certificateSignature: certificateSignature(clientCertPem) ?? Buffer.alloc(0),
    },
    random: () => random.shift() ?? Buffer.alloc(16),
  };
}

function recordedStep({ exchanges }: Run, step: PairingStep): { request: Buffer; body: string } {
  const exchange = exchanges.find(({ query, response }) => query[step] !== undefined && response !== null);
  return { request: bytes(exchange?.query[step] ?? ''), body: exchange?.response?.body ?? '' };
}

function startOf(run: Run): PairingState {
  return { phase: 'certSent', key: derivePairingKey(bytes(run.recomputed.saltHex), run.pinTypedOnHost) };
}

describe('takeStep', () => {
  it.each(runs)('answers the recorded steps of run $id as the recorded host did', (run) => {
    const parties = partiesOf(run);
    let state = startOf(run);
    for (const step of STEPS) {
      const { request, body } = recordedStep(run, step);
      const result = takeStep(state, step, request, parties);
      state = result.state;
      if (result.answer === undefined) continue;
      expect(body, step).toContain(Buffer.from(result.answer).toString('hex').toUpperCase());
    }
    const ends = { success: { phase: 'paired' }, 'wrong-pin': { phase: 'failed', reason: 'pinWrong' } };
    expect(state).toEqual(ends[run.id as keyof typeof ends]);
  });

  it('never throws on any bytes, and pairs nobody with them', () => {
    const [run] = runs;
    if (run === undefined) throw new Error('no recording');
    const parties = partiesOf(run);
    const start = startOf(run);
    const challenged = takeStep(start, 'clientchallenge', Buffer.alloc(16), parties).state;
    const answered = takeStep(challenged, 'serverchallengeresp', Buffer.alloc(32), parties).state;
    const states = [start, challenged, answered, { phase: 'awaitsPin' }, { phase: 'paired' }] as const;
    const sizes = fc.oneof(fc.constantFrom(16, 32, 272), fc.nat(300));
    const input = sizes.chain((size) => fc.uint8Array({ minLength: size, maxLength: size }));
    fc.assert(
      fc.property(fc.constantFrom(...states), fc.constantFrom(...STEPS), input, (state, step, any) => {
        expect(takeStep(state, step, any, parties).state.phase).not.toBe('paired');
      }),
    );
  });

  it("refuses a secret that another client's key has signed", () => {
    const [run, other] = runs;
    if (run === undefined || other === undefined) throw new Error('no recording');
    const parties = partiesOf(run);
    const first = takeStep(startOf(run), 'clientchallenge', Buffer.alloc(16), parties).state;
    const second = takeStep(first, 'serverchallengeresp', Buffer.alloc(32), parties).state;
    const { request } = recordedStep(other, 'clientpairingsecret');
    expect(takeStep(second, 'clientpairingsecret', request, parties).state).toEqual({
      phase: 'failed',
      reason: 'notTheClient',
    });
  });
});
