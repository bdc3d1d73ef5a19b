import { describe, expect, it } from 'vitest';
import { GleipnirError, type ErrorCode } from '../../core/runtime/errors.ts';
import { describeHostProblem } from './problem.ts';

const unreachable = (details: Record<string, string>): GleipnirError =>
  new GleipnirError('HOST_UNREACHABLE', 'The host gave no usable answer', details);

describe('describeHostProblem', () => {
  it.each([
    { reason: 'ECONNREFUSED', expected: 'refused: nothing listens at its port' },
    { reason: 'timeout', expected: 'no answer' },
    { reason: 'ENOTFOUND', expected: 'nobody knows its name' },
    { reason: 'malformed', expected: 'what answers is no Moonlight host' },
    { reason: 'EWHATEVER', expected: 'no usable answer: EWHATEVER' },
  ])('has words for $reason', ({ reason, expected }) => {
    expect(describeHostProblem(unreachable({ reason }))).toBe(expected);
  });

  it('tells the API socket of a host from the host', () => {
    const socketPath = '/run/wolf.sock';
    expect(describeHostProblem(unreachable({ reason: 'ENOENT', socketPath }))).toContain('wolfSocket');
    expect(describeHostProblem(unreachable({ reason: 'ECONNREFUSED', socketPath }))).toContain('wolfSocket');
  });

  it.each<ErrorCode>([
    'HOST_REFUSED',
    'HOST_BUSY',
    'HOST_NOT_PAIRED',
    'HOST_CERTIFICATE_CHANGED',
    'IDENTITY_CORRUPT',
  ])('has words for %s', (code) => {
    expect(describeHostProblem(new GleipnirError(code, 'The message'))).toMatch(/^[a-zT].{5,}/);
  });

  it('tells nothing of what is no failure of a host', () => {
    expect(describeHostProblem(new TypeError('a secret'))).not.toContain('secret');
  });
});
