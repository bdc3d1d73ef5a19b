/** What everybody would write first in Node: one process, `node:dgram`, a socket in and a socket out. */
import type { BareCommands } from '../../bare-process.ts';
import { CLIENT_PORT } from '../../stage/lanes.ts';
import { aimAtEdge } from '../../stage/stage.ts';
import type { Candidate } from './candidate.ts';

export const nodeDgram: Candidate = {
  name: 'node-dgram',
  title: 'node:dgram forwarder',
  start: async (place) => {
    const { lane, group } = place;
    const child = group.start<BareCommands>(new URL('../../bare-process.ts', import.meta.url));
    const port = await child.ask.open({ input: lane.edgeToPod, output: lane.edgeToClient });
    const destinations = lane.clients.map((address) => ({ address, port: CLIENT_PORT }));
    await child.ask.aim(destinations);
    await aimAtEdge(place, port);
    return { place };
  },
};
