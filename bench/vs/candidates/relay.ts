/** Our relay, with a session for each flow on one upstream slot, as it is. */
import { readFileSync } from 'node:fs';
import type { RelayConfig } from '../../../relay/config.ts';
import type { Child } from '../../child.ts';
import type { RelayCommands, RelayOpening } from '../../relay-process.ts';
import { FLOWS } from '../../stage/lanes.ts';
import { aimAtEdge, type Place } from '../../stage/stage.ts';
import { EDGE_PORT_BASE, portOf, type Candidate } from './candidate.ts';

const FILE = new URL('../../relay-process.ts', import.meta.url);
/** Fields of the `Udp:` lines that count what came up the stack to sockets, or to none. */
const CAME_UP = ['InDatagrams', 'NoPorts', 'InErrors'];

/**
 * Datagrams that a network namespace's sockets were handed, and those for which there was none.
 *
 * @param text - as in /proc/<pid>/net/snmp
 */
export function parseSocketDatagrams(text: string): number {
  const [names = [], values = []] = text
    .split('\n')
    .filter((line) => line.startsWith('Udp: '))
    .map((line) => line.split(' '));
  return CAME_UP.reduce((sum, name) => sum + Number(values[names.indexOf(name)] ?? 0), 0);
}

/** A relay at the edge that listens. */
interface EdgeRelay {
  child: Child<RelayCommands>;
  videoPort: number;
}

export async function startRelay({ lane, group }: Place, opening: RelayOpening): Promise<EdgeRelay> {
  const child = group.start<RelayCommands>(FILE);
  const addresses = { bindAddress: lane.edgeToClient, upstreamPortBase: EDGE_PORT_BASE };
  const config = { ...addresses, allowLoopback: false, ...opening.config };
  return { child, videoPort: await child.ask.open({ ...opening, config }) };
}

/** Puts the sessions into its table; their hosts send to its slot, their clients can ping it. */
export async function addSessions(place: Place, { child, videoPort }: EdgeRelay): Promise<void> {
  const { stage, lane } = place;
  // A slot is three ports, the second of which is for video.
  const hostPorts = await aimAtEdge(place, () => portOf(1));
  const sessions = hostPorts.map((hostVideoPort, index) => ({
    index,
    slot: 0,
    hostVideoPort,
    hostAddress: lane.pod,
    upstreamAddress: lane.edgeToPod,
    clientAddress: lane.clients[index] ?? '',
  }));
  await child.ask.add(sessions);
  await stage.sink.ask.aimPings({ lane, port: videoPort });
}

/** Streams that the relay's kernel part forwards. */
export async function countInKernel(child: Child<RelayCommands>): Promise<number> {
  return (await child.ask.stats())?.datapath.inKernel ?? 0;
}

const create = (name: string, title: string, config: Partial<RelayConfig>): Candidate => ({
  name,
  title,
  start: async (place) => {
    const relay = await startRelay(place, { config });
    await addSessions(place, relay);
    const { child } = relay;
    const running = { place, arePinging: true };
    if (config.datapath !== 'kernel') return running;
    return {
      ...running,
      isReady: async () => (await countInKernel(child)) === FLOWS,
      countSlow: () => parseSocketDatagrams(readFileSync(`/proc/${child.pid}/net/snmp`, 'utf8')),
    };
  },
});

export const relayNeigh = create('relay-neigh', 'Gleipnir, in the kernel', { datapath: 'kernel' });
export const relayPeer = create('relay-peer', 'Gleipnir, in the kernel, pod on this node', {
  datapath: 'kernel',
  datapathPeerDevices: ['to-client'],
});
export const relayUserspace = create('relay-userspace', 'Gleipnir, in user space', {
  datapath: 'userspace',
});
