import { describe, expect, it } from 'vitest';
import { nextPhase, PAIRING_EVENTS, type PairingPhase } from './state.ts';

const HAPPY_PATH = ['awaitsPin', 'queued', 'certSent', 'challenged', 'answered', 'paired'] as const;

describe('nextPhase', () => {
  it('walks the events in order', () => {
    const walked: PairingPhase[] = ['awaitsPin'];
    for (const event of PAIRING_EVENTS) walked.push(nextPhase(walked.at(-1) ?? 'failed', event));
    expect(walked).toEqual(HAPPY_PATH);
  });

  it('fails every other phase and event', () => {
    const phases: PairingPhase[] = [...HAPPY_PATH, 'failed'];
    for (const [index, phase] of phases.entries()) {
      for (const event of PAIRING_EVENTS.filter((_, expected) => expected !== index)) {
        expect(nextPhase(phase, event), `${phase} on ${event}`).toBe('failed');
      }
    }
  });
});
