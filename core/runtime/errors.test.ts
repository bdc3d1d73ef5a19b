import { describe, expect, it } from 'vitest';
import { ERROR_TRAITS, GleipnirError, type ErrorCode } from './errors.ts';

const codes = Object.keys(ERROR_TRAITS) as ErrorCode[];

describe('ERROR_TRAITS', () => {
  it.each(codes)('gives %s an error status and a name that can be searched for', (code) => {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)+$/);
    expect(ERROR_TRAITS[code].status).toBeGreaterThanOrEqual(400);
    expect(ERROR_TRAITS[code].status).toBeLessThan(600);
  });

  it('calls nothing but a failure of the moment worth retrying', () => {
    for (const code of codes.filter((candidate) => ERROR_TRAITS[candidate].retry)) {
      expect(ERROR_TRAITS[code].status).toBeGreaterThanOrEqual(500);
    }
  });
});

describe('GleipnirError', () => {
  it('carries its code, facts and cause', () => {
    const cause = new Error('below');
    const error = new GleipnirError('HOST_BUSY', 'The host is busy', { host: 'wolf' }, { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'GleipnirError',
      code: 'HOST_BUSY',
      message: 'The host is busy',
      details: { host: 'wolf' },
      cause,
    });
    expect(error.traits).toBe(ERROR_TRAITS.HOST_BUSY);
    expect(String(error)).toBe('GleipnirError: The host is busy');
  });

  it('has no facts unless given', () => {
    expect(new GleipnirError('NOT_PAIRED', 'Not paired').details).toEqual({});
  });
});
