import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DurationMs, Port, loadConfig } from './config.ts';
import { GleipnirError } from './errors.ts';

const Schema = z.object({
  RELAY_CONTROL_PORT: Port.default(47999),
  RELAY_IDLE_MS: DurationMs.default(10_000),
  RELAY_NAME: z.string().min(1),
});

function problemsOf(env: NodeJS.ProcessEnv): string {
  try {
    loadConfig(Schema, env);
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
});
