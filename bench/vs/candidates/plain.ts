/**
 * What all others are compared to: the bare wire, and the kernel's own forwarding, where the pod sends to the client
 * itself; and what everybody would write first in Node: one process, `node:dgram`, a socket in and a socket out.
 */
import type { BareCommands } from '../../bare-process.ts';
import { CLIENT_PORT } from '../../stage/lanes.ts';
import type { Running } from '../../stage/measure.ts';
import { letForward } from '../../stage/network.ts';
import { aimAtEdge, type Place } from '../../stage/stage.ts';
import type { Candidate } from './candidate.ts';

const BARE = new URL('../../bare-process.ts', import.meta.url);

const listClients = ({ lane }: Place): { address: string; port: number }[] =>
  lane.clients.map((address) => ({ address, port: CLIENT_PORT }));

async function aimAtClients(place: Place): Promise<Running> {
  const { stage, lane } = place;
  await stage.generator.ask.aim(lane, listClients(place));
  return { place };
}

export const direct: Candidate = { name: 'direct', title: 'direct wire', start: aimAtClients };

export const kernelForwarding: Candidate = {
  name: 'kernel-forwarding',
  title: 'plain kernel forwarding',
  start: async (place) => {
    letForward(place.edge);
    return await aimAtClients(place);
  },
};

export const nodeDgram: Candidate = {
  name: 'node-dgram',
  title: 'node:dgram forwarder',
  start: async (place) => {
    const { ask } = place.group.start<BareCommands>(BARE);
    const port = await ask.open({ input: place.lane.edgeToPod, output: place.lane.edgeToClient });
    await ask.aim(listClients(place));
    await aimAtEdge(place, () => port);
    return { place };
  },
};
