/** Child process of the end-to-end bench: simulated clients, one for each wire, of which one plays at a time. */
import { createClientCertificate } from '../../core/identity/certificate.ts';
import { SimClient, type SimClientOptions } from '../../sim/client/client.ts';
import { readSei } from '../../sim/media/sei.ts';
import { nowNs, serve, waitFor } from '../child.ts';

/** What came of it. */
export interface StreamResult {
  /** From the host's stamp to the whole frame, µs, in the order of the frames. */
  latenciesUs: number[];
  framesLost: number;
  /** How the stream ended; `stopped` is as it should be. */
  end: string;
}

/** What the client can be asked. */
export type ClientCommands = typeof commands;

/** By wire; at most three. */
const clients = new Map<string, SimClient>();

const commands = {
  pair: async (wire: string, pin: string, options: Omit<SimClientOptions, 'identity'>): Promise<void> => {
    const client = new SimClient({ ...options, identity: await createClientCertificate() });
    await client.pair(pin);
    clients.set(wire, client);
  },
  /**
   * @param seconds - since PLAY's reply
   * @param warmMs - of the stream, from its first picture on; not measured
   */
  play: async (wire: string, seconds: number, warmMs: number): Promise<StreamResult> => {
    const client = clients.get(wire);
    if (client === undefined) throw new Error(`Nobody is paired on ${wire}`);
    // A proxy shows the apps of a host after a while.
    const app = await waitFor('There is no app to play', async () => (await client.applist())[0]);
    await client.launch(app.id);
    const latenciesUs: number[] = [];
    let firstNs: number | undefined;
    const onFrame = (annexB: Uint8Array): void => {
      const atNs = nowNs();
      firstNs ??= atNs;
      const stamp = readSei(annexB);
      if (stamp !== undefined && atNs - firstNs >= warmMs * 1e6)
        latenciesUs.push(atNs / 1000 - stamp.sentAtUs);
    };
    const { framesLost, end } = await client.stream({ seconds, onFrame });
    await client.cancel();
    return { latenciesUs, framesLost, end };
  },
};

serve(commands);
