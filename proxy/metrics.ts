/**
 * What the proxy's HTTP side exports: pairings, how pairing ends, and how launches go. RTSP's own are in
 * rtsp/refusals.ts. Labels come from closed sets.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { GleipnirError } from '../core/runtime/errors.ts';
import type { ObjectStore } from '../core/store/object-store.ts';
import { ClientLeft } from './http/client-left.ts';
import { GameFailed } from './http/game-failed.ts';
import { PAIRING_OUTCOMES, type PairingOutcome } from './pairing/outcome.ts';

/**
 * ready: the client got its URL; refused: it asked for what cannot be; noHostFree; timedOut: the host did not start
 * in time; hostFailed: it is away or said no; clientLeft: the client hung up; fault: our own.
 */
export const LAUNCH_RESULTS = [
  'ready',
  'refused',
  'noHostFree',
  'timedOut',
  'hostFailed',
  'clientLeft',
  'fault',
] as const;
export type LaunchResult = (typeof LAUNCH_RESULTS)[number];

/** Launches take from 0.1 s (a resume) to the 110 s after which clients give up. */
const LAUNCH_BUCKETS_S = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 120];

/** What /launch and /resume tell of themselves. */
export interface LaunchMetrics {
  /** Runs `task`, and counts how long it took and how it ended. Passes on what it returns or throws. */
  measure: <T>(verb: 'launch' | 'resume', task: () => Promise<T>) => Promise<T>;
}

export interface ProxyMetrics {
  launches: LaunchMetrics;
  /** For each pairing exchange that ended. */
  onPairingEnd: (outcome: PairingOutcome) => void;
}

export interface ProxyMetricsDeps {
  register: Registry;
  pairings: Pick<ObjectStore<'Pairing'>, 'list'>;
}

/** Registers everything; once for each registry. */
export function registerProxyMetrics({ register, pairings }: ProxyMetricsDeps): ProxyMetrics {
  const registers = [register];
  new Gauge({
    name: 'gleipnir_proxy_pairings',
    help: 'Clients that are paired.',
    registers,
    async collect() {
      this.set((await pairings.list()).length);
    },
  });
  const outcomes = new Counter({
    name: 'gleipnir_proxy_pairing_exchanges_total',
    help: 'Pairing exchanges that ended, by outcome.',
    labelNames: ['outcome'] as const,
    registers,
  });
  for (const outcome of PAIRING_OUTCOMES) outcomes.inc({ outcome }, 0);
  return {
    launches: createLaunchMetrics(register),
    onPairingEnd: (outcome) => {
      outcomes.inc({ outcome });
    },
  };
}

function createLaunchMetrics(register: Registry): LaunchMetrics {
  const durations = new Histogram({
    name: 'gleipnir_proxy_launch_duration_seconds',
    help: 'From the request to its answer, by verb and result.',
    labelNames: ['verb', 'result'] as const,
    buckets: LAUNCH_BUCKETS_S,
    registers: [register],
  });
  return {
    measure: async (verb, task) => {
      const stop = durations.startTimer({ verb });
      try {
        const answer = await task();
        stop({ result: 'ready' });
        return answer;
      } catch (error) {
        stop({ result: launchResultOf(error) });
        throw error;
      }
    },
  };
}

/** The `result` of a launch that threw `error`. */
export function launchResultOf(error: unknown): LaunchResult {
  if (error instanceof ClientLeft) return 'clientLeft';
  if (error instanceof GleipnirError) return resultOfStatus(error.traits.status);
  if (error instanceof GameFailed) return resultOfStatus(error.statusCode);
  return 'fault';
}

function resultOfStatus(status: number): LaunchResult {
  if (status < 500) return 'refused';
  if (status === 502) return 'hostFailed';
  if (status === 503) return 'noHostFree';
  return status === 504 ? 'timedOut' : 'fault';
}
