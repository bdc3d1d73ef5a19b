/** The relay of the bench, where nothing else is said. */
import type { RelayConfig } from '../relay/config.ts';

/** On loopback, at any free ports. */
export const ON_LOOPBACK: RelayConfig = {
  bindAddress: '127.0.0.1',
  controlPort: 0,
  videoPort: 0,
  audioPort: 0,
  upstreamPortBase: 0,
  slotsMax: 1_000,
  allowLoopback: true,
};
