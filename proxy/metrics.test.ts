import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Pairing } from '../core/crd/types.ts';
import { GleipnirError } from '../core/runtime/errors.ts';
import { ClientLeft } from './http/client-left.ts';
import { GameFailed } from './http/game-failed.ts';
import { launchResultOf, registerProxyMetrics, type ProxyMetrics } from './metrics.ts';

let register: Registry;
let metrics: ProxyMetrics;
let pairings: Pairing[];
beforeEach(() => {
  [register, pairings] = [new Registry(), []];
  metrics = registerProxyMetrics({ register, pairings: { list: () => Promise.resolve(pairings) } });
});

describe('registerProxyMetrics', () => {
  it('says how many clients are paired when it is asked', async () => {
    pairings = [{}, {}] as Pairing[];
    expect(await register.metrics()).toContain('\ngleipnir_proxy_pairings 2\n');
  });

  it('counts how pairing ends, from nought', async () => {
    metrics.onPairingEnd('pinWrong');
    const text = await register.metrics();
    expect(text).toContain('gleipnir_proxy_pairing_exchanges_total{outcome="pinWrong"} 1\n');
    expect(text).toContain('gleipnir_proxy_pairing_exchanges_total{outcome="paired"} 0\n');
  });

  it('measures launches and passes on how they ended', async () => {
    expect(await metrics.launches.measure('launch', () => Promise.resolve('url'))).toBe('url');
    const failure = new GleipnirError('NO_HOST_FREE', 'x');
    await expect(metrics.launches.measure('resume', () => Promise.reject(failure))).rejects.toBe(failure);
    const text = await register.metrics();
    expect(text).toContain('launch_duration_seconds_count{verb="launch",result="ready"} 1\n');
    expect(text).toContain('launch_duration_seconds_count{verb="resume",result="noHostFree"} 1\n');
  });
});

describe('launchResultOf', () => {
  it.each([
    { error: new ClientLeft(), result: 'clientLeft' },
    { error: new GleipnirError('APP_RUNNING', 'x'), result: 'refused' },
    { error: new GleipnirError('HOST_UNREACHABLE', 'x'), result: 'hostFailed' },
    { error: new GleipnirError('HOST_BUSY', 'x'), result: 'noHostFree' },
    { error: new GleipnirError('LAUNCH_TIMEOUT', 'x'), result: 'timedOut' },
    { error: new GleipnirError('SEAL_BROKEN', 'x'), result: 'fault' },
    { error: new GameFailed({ reason: 'HOST_REFUSED' }), result: 'hostFailed' },
    { error: new GameFailed({}), result: 'fault' },
    { error: new TypeError('x'), result: 'fault' },
  ])('calls $error $result', ({ error, result }) => {
    expect(launchResultOf(error)).toBe(result);
  });
});
