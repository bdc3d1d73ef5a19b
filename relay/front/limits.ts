/**
 * What connections may cost at the front, where their true source is known. The proxies behind have limits of their
 * own, for time and size; these keep one source from using up the connections of all.
 */
import type { ConnectionLimits } from '../../core/runtime/connection-count.ts';
import type { LimiterRates } from '../../core/runtime/token-bucket.ts';

export interface FrontLimits {
  connections: ConnectionLimits;
  rates: LimiterRates;
}

/** The services that are passed on, with what each may cost; docs/limits.md says why. */
export const FRONT_LIMITS = {
  http: httpLimits(),
  https: httpLimits(),
  rtsp: {
    connections: { perSourceMax: 128, max: 1024, reserved: 256 },
    rates: {
      perSource: { burst: 800, perSecond: 100 },
      all: { burst: 2_000, perSecond: 400 },
      reserve: { burst: 1_000, perSecond: 200 },
    },
  },
} as const satisfies Record<string, FrontLimits>;

export type Service = keyof typeof FRONT_LIMITS;
export const SERVICES = ['http', 'https', 'rtsp'] as const satisfies readonly Service[];

function httpLimits(): FrontLimits {
  return {
    connections: { perSourceMax: 256, max: 1024, reserved: 256 },
    rates: {
      perSource: { burst: 1_000, perSecond: 100 },
      all: { burst: 1_500, perSecond: 150 },
      reserve: { burst: 1_000, perSecond: 100 },
    },
  };
}
