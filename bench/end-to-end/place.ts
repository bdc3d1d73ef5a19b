/** Where the processes of the end-to-end bench run: on loopback, or on the three machines of a routed network. */
import { LOOPBACK } from '../socket.ts';
import { laneOf } from '../stage/lanes.ts';
import { createNetwork, inside, letForward } from '../stage/network.ts';

/** Where the processes run: machines, or what stands for them. */
export interface Place {
  /** For people. */
  name: string;
  hostAddress: string;
  /** Of the appliances, as clients reach them. */
  applianceAddress: string;
  /** What a command must begin with to run on that machine. */
  prefix?: Record<'host' | 'appliance' | 'client', readonly string[]>;
  /** Idempotent; synchronous. */
  close?: () => void;
}

/** Everything on one address. */
export const ON_LOOPBACK: Place = { name: 'loopback', hostAddress: LOOPBACK, applianceAddress: LOOPBACK };

/**
 * A client and a host on links of their own to the edge, where the appliances are; the edge forwards what is not
 * for itself, so that the client reaches the host directly as well.
 *
 * @throws Error without root or iproute2
 */
export async function createRouted(): Promise<Place> {
  const lane = laneOf(1);
  const { pod, client, addLane, close } = await createNetwork();
  const edge = addLane(lane);
  letForward(edge);
  return {
    name: 'network namespaces',
    hostAddress: lane.pod,
    applianceAddress: lane.edgeToClient,
    prefix: { host: inside(pod), appliance: inside(edge), client: inside(client) },
    close,
  };
}
