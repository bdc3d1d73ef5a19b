/** Child process of the end-to-end bench: the simulated host. Its frames are stamped by the monotonic clock. */
import { setTimeout as delay } from 'node:timers/promises';
import { createSystemClock } from '../../sim/host/clock.ts';
import { createSimHost, type SimHost } from '../../sim/host/host.ts';
import { nowNs, serve } from '../child.ts';

const LOOK_AGAIN_MS = 10;
/** Whoever is to pair asks within so long. */
const PATIENCE_MS = 20_000;

/** What the host can be asked. */
export type HostCommands = typeof commands;

let host: SimHost | undefined;

const commands = {
  /** @returns its HTTP port. */
  start: async ({
    bindAddress,
    sessionsMax,
  }: {
    bindAddress: string;
    sessionsMax: number;
  }): Promise<number> => {
    // The client reads the same clock. Wall clocks of two processes differ by whatever was corrected between their starts.
    const clock = { ...createSystemClock(), epochUs: () => Math.round(nowNs() / 1000) };
    host = createSimHost({ bindAddress, sessionsMax, clock, fill: true });
    return (await host.start()).http;
  },
  /** Types `pin` as soon as somebody waits for one. */
  enterPin: async (pin: string): Promise<void> => {
    const until = performance.now() + PATIENCE_MS;
    while (host?.enterPin(pin) !== true) {
      if (performance.now() > until) throw new Error('Nobody asked the host for a PIN');
      await delay(LOOK_AGAIN_MS);
    }
  },
};

serve(commands);
