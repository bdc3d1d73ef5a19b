/** What all others are compared to: the bare wire, and the kernel's own forwarding, where the pod sends to the client itself. */
import { CLIENT_PORT } from '../../stage/lanes.ts';
import type { Running } from '../../stage/measure.ts';
import { letForward } from '../../stage/network.ts';
import type { Place } from '../../stage/stage.ts';
import type { Candidate } from './candidate.ts';

async function aimAtClients(place: Place): Promise<Running> {
  const { stage, lane } = place;
  const destinations = lane.clients.map((address) => ({ address, port: CLIENT_PORT }));
  await stage.generator.ask.aim({ lane, destinations });
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
