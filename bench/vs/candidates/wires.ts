/** What all others are compared to: the bare wire, and the kernel's own forwarding, where the pod sends to the client itself. */
import { CLIENT_PORT } from '../lanes.ts';
import { edgeOf, type Candidate, type Place, type Running } from './candidate.ts';
import { runInside } from './installed.ts';

async function aimAtClients({ stage, lane }: Place): Promise<Running> {
  const destinations = lane.clients.map((address) => ({ address, port: CLIENT_PORT }));
  await stage.generator.ask('aim', { lane, destinations });
  return {};
}

export const direct: Candidate = {
  name: 'direct',
  title: 'direct wire',
  whyNot: () => undefined,
  start: aimAtClients,
};

export const kernelForwarding: Candidate = {
  name: 'kernel-forwarding',
  title: 'plain kernel forwarding',
  whyNot: () => undefined,
  start: async (place) => {
    letForward(edgeOf(place));
    return await aimAtClients(place);
  },
};

/** Makes a namespace a router. */
export function letForward(namespace: string): void {
  runInside(namespace, ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
}
