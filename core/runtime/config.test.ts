import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DurationMs, Port, loadConfig } from './config.ts';
import { GleipnirError } from './errors.ts';

const Schema = z.object({
  RELAY_CONTROL_PORT: Port.default(47999),
  RELAY_IDLE_MS: DurationMs.default(10_000),
  RELAY_NAME: z.string().min(1),
});

function problemsOf(env: NodeJS.ProcessEnv, prefixes: string[] = []): string {
  try {
    loadConfig(Schema, env, prefixes);
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    return String((error as GleipnirError).details['problems']);
  }
  throw new Error('the configuration was accepted');
}

describe('loadConfig', () => {
  it('converts, fills in defaults, and drops what is not ours', () => {
    const config = loadConfig(Schema, { RELAY_NAME: 'edge', RELAY_CONTROL_PORT: '0', PATH: '/bin' });
    expect(config).toEqual({ RELAY_NAME: 'edge', RELAY_CONTROL_PORT: 0, RELAY_IDLE_MS: 10_000 });
  });

  it('takes a variable that is set to nothing as not set', () => {
    expect(loadConfig(Schema, { RELAY_NAME: 'edge', RELAY_CONTROL_PORT: '' }).RELAY_CONTROL_PORT).toBe(
      47_999,
    );
  });

  it('gives an object that nobody can change', () => {
    expect(Object.isFrozen(loadConfig(Schema, { RELAY_NAME: 'edge' }))).toBe(true);
  });

  it('names every wrong variable at once', () => {
    const problems = problemsOf({ RELAY_CONTROL_PORT: '65536', RELAY_IDLE_MS: '0' });
    for (const name of ['RELAY_CONTROL_PORT', 'RELAY_IDLE_MS', 'RELAY_NAME'])
      expect(problems).toContain(name);
  });

  it.each(['-1', '65536', '1.5', 'http', '0x', ' 1 2'])('refuses %s as a port', (RELAY_CONTROL_PORT) => {
    expect(problemsOf({ RELAY_NAME: 'edge', RELAY_CONTROL_PORT })).toContain('RELAY_CONTROL_PORT');
  });

  it.each(['0', '-5', '0.5', 'soon', 'Infinity'])('refuses %s as a duration', (RELAY_IDLE_MS) => {
    expect(problemsOf({ RELAY_NAME: 'edge', RELAY_IDLE_MS })).toContain('RELAY_IDLE_MS');
  });

  it('says what was given and what must be there, in one sentence', () => {
    expect(problemsOf({ RELAY_NAME: 'edge', RELAY_CONTROL_PORT: 'abc' })).toBe(
      'RELAY_CONTROL_PORT is "abc", but must be a whole number from 0 to 65535.',
    );
    expect(problemsOf({})).toBe('RELAY_NAME is not set, but must be a text.');
  });

  it.each([
    { name: 'RELAY_CONTRL_PORT', meant: 'did you mean RELAY_CONTROL_PORT?' },
    { name: 'REALY_NAME', meant: 'did you mean RELAY_NAME?' },
    { name: 'RELAY_COLOUR_OF_THE_BOX', meant: '--help lists them all.' },
  ])('refuses $name, which is no setting', ({ name, meant }) => {
    expect(problemsOf({ RELAY_NAME: 'edge', [name]: '1' }, ['RELAY_'])).toBe(
      `${name} is no setting: ${meant}`,
    );
  });

  it.each(['PATH', 'RELAYED', 'NAME', 'RELAY_SERVICE_HOST', 'RELAY_PORT', 'RELAY_PORT_47999_UDP_ADDR'])(
    'lets %s be, which others set',
    (name) => {
      expect(loadConfig(Schema, { RELAY_NAME: 'edge', [name]: 'x' }, ['RELAY_'])).toMatchObject({
        RELAY_NAME: 'edge',
      });
    },
  );
});
