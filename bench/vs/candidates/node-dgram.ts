/** What everybody would write first in Node: one process, `node:dgram`, a socket in and a socket out. */
import type { BareCommands } from '../../forwarders.ts';
import { CLIENT_PORT } from '../lanes.ts';
import { edgeOf, type Candidate } from './candidate.ts';

export const nodeDgram: Candidate = {
  name: 'node-dgram',
  title: 'node:dgram forwarder',
  whyNot: () => undefined,
  start: async (place) => {
    const { stage, lane, group } = place;
    const file = new URL('../../forwarders.ts', import.meta.url);
    const child = group.start<BareCommands>(edgeOf(place), file, ['bare']);
    const port = await child.ask('open', { input: lane.edgeToPod, output: lane.edgeToClient });
    await child.ask(
      'aim',
      lane.clients.map((address) => ({ address, port: CLIENT_PORT })),
    );
    const destinations = lane.clients.map(() => ({ address: lane.edgeToPod, port }));
    await stage.generator.ask('aim', { lane, destinations });
    return {};
  },
};
