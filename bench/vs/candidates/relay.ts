/** Our relay, with a session for each flow on one upstream slot, as it is. */
import { readFileSync } from 'node:fs';
import type { RelayConfig } from '../../../relay/config.ts';
import type { RelayCommands } from '../../forwarders.ts';
import { FLOWS } from '../lanes.ts';
import { EDGE_PORT_BASE, edgeOf, type Candidate, type Place, type Running } from './candidate.ts';

/** A slot is three ports, the second of which is for video. */
const VIDEO_PORT = EDGE_PORT_BASE + 1;
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

async function startRelay(place: Place, config: Partial<RelayConfig>): Promise<Running> {
  const { stage, lane, group } = place;
  const { generator, sink } = stage;
  const file = new URL('../../forwarders.ts', import.meta.url);
  const child = group.start<RelayCommands>(edgeOf(place), file, ['relay']);
  const destinations = lane.clients.map(() => ({ address: lane.edgeToPod, port: VIDEO_PORT }));
  const video = await child.ask('open', {
    hostPorts: await generator.ask('aim', { lane, destinations }),
    slots: 1,
    hostAddress: lane.pod,
    upstreamAddress: lane.edgeToPod,
    clientAddresses: lane.clients,
    config: {
      bindAddress: lane.edgeToClient,
      upstreamPortBase: EDGE_PORT_BASE,
      allowLoopback: false,
      ...config,
    },
  });
  await sink.ask('aimPings', { lane, port: video });
  const isKernel = config.datapath === 'kernel';
  return {
    arePinging: true,
    isReady: async () => {
      const stats = await child.ask('stats', undefined);
      return !isKernel || stats?.datapath.inKernel === FLOWS;
    },
    ...(isKernel
      ? { countSlow: () => parseSocketDatagrams(readFileSync(`/proc/${child.pid}/net/snmp`, 'utf8')) }
      : {}),
  };
}

const create = (name: string, title: string, config: Partial<RelayConfig>): Candidate => ({
  name,
  title,
  whyNot: () => undefined,
  start: (place) => startRelay(place, config),
});

export const relayNeigh = create('relay-neigh', 'Gleipnir, in the kernel', { datapath: 'kernel' });
export const relayPeer = create('relay-peer', 'Gleipnir, in the kernel, pod on this node', {
  datapath: 'kernel',
  datapathPeerDevices: ['to-client'],
});
export const relayUserspace = create('relay-userspace', 'Gleipnir, in user space', {
  datapath: 'userspace',
});
