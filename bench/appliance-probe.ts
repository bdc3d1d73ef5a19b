/** Loaded before the appliance (`--import`): a person at its console, what it did, and what it holds. */
import { readAwaitedPins, typePin } from '../test/support/pin-page.ts';
import { collect, cpuUs, serve, waitFor } from './child.ts';

const ENGINE = /^gleipnir_relay_datapath_info\{.*engine="(\w+)"/m;
const KERNEL_ROUTES = /^gleipnir_relay_datapath_kernel_routes (\d+)$/m;

/** What the appliance can be asked; `url` is its console's. */
export type ProbeCommands = typeof commands;

const commands = {
  cpuUs,
  /** Needs `--expose-gc`. */
  memory: collect,
  /** @returns the PINs that hosts wait for, by host. */
  awaitedPins: async (url: string): Promise<Record<string, string>> => {
    await waitFor('The console never answered', () => fetch(url).catch(() => undefined));
    return readAwaitedPins(url);
  },
  typePin: async (url: string, pin: string): Promise<void> => {
    await typePin(url, pin);
  },
  /** Where it forwards, and how many ways from a host to a client the kernel forwards by itself. */
  datapath: async (url: string): Promise<{ engine: string; kernelRoutes: number }> => {
    const text = await (await fetch(new URL('/metrics', url))).text();
    const [, engine = 'unknown'] = ENGINE.exec(text) ?? [];
    return { engine, kernelRoutes: Number(KERNEL_ROUTES.exec(text)?.[1] ?? 0) };
  },
};

serve(commands);
process.channel?.unref();
