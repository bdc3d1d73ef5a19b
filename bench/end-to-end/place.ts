/** Where the processes of the end-to-end bench run: on loopback, or on the three machines of a routed network. */
import { whyNoNamespaces } from '../../test/support/netns.ts';
import { letForward } from '../vs/candidates/wires.ts';
import { laneOf } from '../vs/lanes.ts';
import { createNetwork } from '../vs/network.ts';

const LOOPBACK = '127.0.0.1';

/** Machines, or what stands for them. */
export interface Place {
  /** For people. */
  name: string;
  hostAddress: string;
  /** Of the appliances, as clients reach them. */
  applianceAddress: string;
  /** What a command must begin with to run on that machine. */
  prefix: Record<'host' | 'appliance' | 'client', readonly string[]>;
  close: () => void;
}

/** Everything on one address. */
export function createLoopback(): Place {
  return {
    name: 'loopback',
    hostAddress: LOOPBACK,
    applianceAddress: LOOPBACK,
    prefix: { host: [], appliance: [], client: [] },
    close: () => undefined,
  };
}

/**
 * A client and a host on links of their own to the edge, where the appliances are; the edge forwards what is not
 * for itself, so that the client reaches the host directly as well.
 *
 * @throws Error without root or iproute2
 */
export async function createRouted(): Promise<Place> {
  const reason = await whyNoNamespaces();
  if (reason !== undefined) throw new Error(reason);
  const lane = laneOf(1);
  const network = createNetwork();
  process.once('exit', network.close);
  const edge = network.addLane(lane) ?? '';
  letForward(edge);
  const inside = (namespace: string): string[] => ['ip', 'netns', 'exec', namespace];
  return {
    name: 'network namespaces',
    hostAddress: lane.pod,
    applianceAddress: lane.edgeToClient,
    prefix: { host: inside(network.pod), appliance: inside(edge), client: inside(network.client) },
    close: network.close,
  };
}
