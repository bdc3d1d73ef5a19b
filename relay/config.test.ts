import { describe, expect, it } from 'vitest';
import { loadConfig } from '../core/runtime/config.ts';
import { GleipnirError } from '../core/runtime/errors.ts';
import { DEFAULTS, RelayEnvironment } from './config.ts';

describe('RelayEnvironment', () => {
  it('has a default for everything', () => {
    expect(loadConfig(RelayEnvironment, {})).toEqual({
      bindAddress: '0.0.0.0',
      controlPort: 47_999,
      videoPort: 48_100,
      audioPort: 48_200,
      upstreamPortBase: 20_000,
      slotsMax: 1_000,
      allowLoopback: false,
      ...DEFAULTS,
    });
  });

  it('names every wrong variable', () => {
    const wrong = { RELAY_BIND_ADDRESS: 'edge', RELAY_FLOWS_MAX: '4096', RELAY_SILENT_MS: '0' };
    let problems: unknown;
    try {
      loadConfig(RelayEnvironment, wrong);
    } catch (error) {
      problems = error instanceof GleipnirError ? error.details['problems'] : error;
    }
    expect(problems).toMatch(/RELAY_BIND_ADDRESS[^]*RELAY_FLOWS_MAX[^]*RELAY_SILENT_MS/);
  });
});
