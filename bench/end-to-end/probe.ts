/** Loaded before the appliance (`--import`) in the end-to-end bench: a person at its console, and what it did. */
import { setTimeout as delay } from 'node:timers/promises';
import { readAwaitedPins, typePin } from '../../test/support/pin-page.ts';
import { cpuUs, serve } from '../child.ts';

const LOOK_AGAIN_MS = 50;
/** The console answers within so long. */
const PATIENCE_MS = 20_000;
const ENGINE = /^gleipnir_relay_datapath_info\{.*engine="(\w+)"/m;
const KERNEL_ROUTES = /^gleipnir_relay_datapath_kernel_routes (\d+)$/m;

/** What the appliance can be asked; `url` is its console's. */
export type ProbeCommands = typeof commands;

/** Where the appliance forwards. */
export interface DatapathState {
  engine: string;
  /** Ways from a host to a client that the kernel forwards by itself. */
  kernelRoutes: number;
}

const commands = {
  /** @returns the PINs that hosts wait for, by host. */
  awaitedPins: async (url: string): Promise<Record<string, string>> => {
    await waitFor(url);
    return readAwaitedPins(url);
  },
  typePin: async ({ url, pin }: { url: string; pin: string }): Promise<void> => {
    await typePin(url, pin);
  },
  datapath: async (url: string): Promise<DatapathState> => {
    const text = await (await fetch(new URL('/metrics', url))).text();
    const [, engine = 'unknown'] = ENGINE.exec(text) ?? [];
    return { engine, kernelRoutes: Number(KERNEL_ROUTES.exec(text)?.[1] ?? 0) };
  },
  cpuUs,
};

async function waitFor(url: string): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  while ((await fetch(url).catch(() => undefined))?.ok !== true) {
    if (performance.now() > until) throw new Error('The console never answered');
    await delay(LOOK_AGAIN_MS);
  }
}

serve(commands);
process.channel?.unref();
