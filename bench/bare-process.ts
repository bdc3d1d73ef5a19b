/** A forwarder that recognises nothing, in a process of its own: one socket in, one socket out. */
import { cpuUs, serve } from './child.ts';
import { LOOPBACK, openSocket } from './socket.ts';

/** What the bare forwarder can be asked. */
export type BareCommands = typeof commands;

/** Where a datagram goes to. */
export type Destination = Readonly<{ address: string; port: number }>;

/** Whom the next datagrams go to, in turn: as many as the flows that come in. */
let destinations: readonly Destination[] = [];

const commands = {
  cpuUs,
  /**
   * @param addresses - of the two sockets; default: loopback
   * @returns the port that hosts send to.
   */
  open: async (addresses = { input: LOOPBACK, output: LOOPBACK }): Promise<number> => {
    const output = await openSocket(addresses.output);
    const input = await openSocket(addresses.input);
    let next = 0;
    input.on('message', (datagram) => {
      next = next + 1 < destinations.length ? next + 1 : 0;
      const destination = destinations[next];
      if (destination !== undefined) output.send(datagram, destination.port, destination.address);
    });
    return input.address().port;
  },
  aim: (chosen: readonly Destination[]): void => {
    destinations = chosen;
  },
};

serve(commands);
