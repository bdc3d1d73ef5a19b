/** Child process of the end-to-end bench: the simulated host. Its frames are stamped by the monotonic clock. */
import { createSystemClock } from '../../sim/host/clock.ts';
import { createSimHost, type SimHost } from '../../sim/host/host.ts';
import { nowNs, serve, waitFor } from '../child.ts';

/** What the host can be asked. */
export type HostCommands = typeof commands;

let host: SimHost | undefined;

const commands = {
  /** @returns its HTTP port. */
  start: async (options: { bindAddress: string; sessionsMax: number }): Promise<number> => {
    // The client reads the same clock. Wall clocks of two processes differ by whatever was corrected between their starts.
    const clock = { ...createSystemClock(), epochUs: () => Math.round(nowNs() / 1000) };
    host = createSimHost({ ...options, clock, fill: true });
    return (await host.start()).http;
  },
  /** Types `pin` as soon as somebody waits for one. */
  enterPin: async (pin: string): Promise<void> => {
    await waitFor('Nobody asked the host for a PIN', () => host?.enterPin(pin) === true || undefined);
  },
};

serve(commands);
