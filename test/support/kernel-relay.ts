/** A relay in the edge of a routed network, with clients and hosts that play through it. */
import type { EnetCommand } from '../../core/protocol/enet/command.ts';
import type { SessionRecord, StreamRecord } from '../../core/session/record.ts';
import type { RelayConfig } from '../../relay/config.ts';
import { STREAMS, type StreamKind } from '../../relay/counts/counters.ts';
import type { Datapath } from '../../relay/datapath/select.ts';
import {
  connect,
  datagram,
  Fixture,
  HOST_CONNECT_DATA,
  HOST_PAYLOAD,
  HOST_PEER,
  ping,
  sessionRow,
  verifyConnect,
} from '../../relay/testing/fixture.ts';
import { until } from '../../relay/testing/udp-peer.ts';
import { readUdpCounters } from './kernel-counters.ts';
import { NetworkPeer } from './kernel-peer.ts';
import type { Addresses, RoutedNetwork, Side } from './routed.ts';

const SETTLE_MS = 20;

export type Trio = Record<StreamKind, NetworkPeer>;

/** A session of a relay in a routed network: VERIFY_CONNECT has passed. */
export interface NetworkSession {
  session: SessionRecord;
  client: Trio;
  host: Trio;
  /** Ports of the slot, as the host sees them. */
  slot: Record<StreamKind, number>;
}

export interface NetworkSessionOptions {
  session?: Partial<SessionRecord>;
  stream?: Partial<StreamRecord>;
  /** Sockets of a host that serves another session already. */
  host?: Trio;
}

/** A relay in the edge. */
export interface NetworkRelay {
  fixture: Fixture;
  addresses: Addresses;
  /** Brings a session with the tokens of `index` to where media may flow. */
  play: (index: number, options?: NetworkSessionOptions) => Promise<NetworkSession>;
  /** One more socket; it sends to the relay, at the address that its side knows. */
  openPeer: (side: Side, address?: string) => NetworkPeer;
  /** Datagrams that the sockets of the edge have taken since the network was made. */
  taken: () => number;
  close: () => Promise<void>;
}

/** One session, of which video is established. */
export interface KernelPlay extends Omit<NetworkRelay, 'play'>, NetworkSession {
  /** From the host's port of that stream to the slot's. */
  send: (stream: StreamKind, bytes: Uint8Array) => void;
  /** A video datagram of `size` bytes from the host; its number is `sequence`. */
  sendVideo: (sequence: number, size?: number) => Uint8Array;
  /** A control datagram of the host, in the client's connection. */
  sendControl: (...commands: EnetCommand[]) => Uint8Array;
  /** Sends audio until it is established, so that all three streams are. */
  establishAudio: () => Promise<void>;
}

export interface KernelPlayOptions {
  config?: Partial<RelayConfig>;
  stream?: Partial<StreamRecord>;
  /** The first video datagram. Default: number 1, in clear. */
  firstVideo?: Uint8Array;
}

/** Starts a relay. Precondition of this and of all that it does: this thread stays at the edge. */
export async function openNetworkRelay(
  network: RoutedNetwork,
  datapath: Datapath,
  family: 4 | 6,
  config: Partial<RelayConfig> = {},
): Promise<NetworkRelay> {
  const addresses = network.addresses[family];
  const peers: NetworkPeer[] = [];
  const fixture = await Fixture.start({
    bindAddress: addresses.edgeToClient,
    allowLoopback: false,
    datapath,
    ...config,
  });
  const openPeer: NetworkRelay['openPeer'] = (side, address = homeOf(addresses, side)) => {
    const relayAddress = side === 'client' ? addresses.edgeToClient : addresses.edgeToPod;
    const peer = new NetworkPeer(network, side, { address, relayAddress });
    peers.push(peer);
    return peer;
  };
  return {
    fixture,
    addresses,
    openPeer,
    play: (index, options = {}) => playSession({ fixture, addresses, openPeer }, index, options),
    taken: () => readUdpCounters(network, 'edge', family).taken,
    close: async () => {
      await fixture.close();
      for (const peer of peers) peer.close();
    },
  };
}

function homeOf(addresses: Addresses, side: Side): string {
  return addresses[side === 'edge' ? 'edgeToPod' : side];
}

type Stage = Pick<NetworkRelay, 'fixture' | 'addresses' | 'openPeer'>;

/** Pings of both kinds, CONNECT and VERIFY_CONNECT. */
async function playSession(
  { fixture, addresses, openPeer }: Stage,
  index: number,
  options: NetworkSessionOptions,
): Promise<NetworkSession> {
  const trio = (side: Side): Trio => ({
    control: openPeer(side),
    video: openPeer(side),
    audio: openPeer(side),
  });
  const [client, host] = [trio('client'), options.host ?? trio('pod')];
  const old = new Set(STREAMS.flatMap((stream) => host[stream].received.map(({ port }) => port)));
  const session = sessionRow(index, {
    host: { name: 'pod', rtsp: { address: addresses.pod, port: 48010, label: 'label', encrypted: false } },
    upstream: { address: addresses.edgeToPod, slot: index },
    ...options.session,
  });
  const flows = fixture.relay.stats().flows;
  await fixture.putSession(session);
  await fixture.putStream({ ...streamOf(session, addresses.pod, host), ...options.stream });
  await fixture.expectFlows(flows + 1);

  const slot = { control: 0, video: 0, audio: 0 };
  const awaitHost = async (stream: StreamKind): Promise<void> => {
    await until(() => {
      slot[stream] = host[stream].received.find(({ port }) => !old.has(port))?.port ?? 0;
      if (slot[stream] === 0) fixture.clock.advance(SETTLE_MS);
      return slot[stream] !== 0;
    }, `${stream} at the host`);
  };
  for (const stream of ['audio', 'video'] as const) {
    client[stream].send(ping(session, 1, stream), fixture.ports[stream]);
    await awaitHost(stream);
  }
  const connectID = 0x1000 + index;
  client.control.send(connect(connectID, session.tokens.connectData), fixture.ports.control);
  await awaitHost('control');
  host.control.send(verifyConnect(connectID, HOST_PEER), slot.control);
  await client.control.expect(1);
  return { session, client, host, slot };
}

function streamOf({ id, generation }: SessionRecord, pod: string, host: Trio): StreamRecord {
  const at = (stream: StreamKind): { address: string; port: number } => ({
    address: pod,
    port: host[stream].port,
  });
  return {
    id,
    generation,
    audio: { ...at('audio'), pingPayload: HOST_PAYLOAD },
    video: { ...at('video'), pingPayload: HOST_PAYLOAD },
    control: { ...at('control'), connectData: HOST_CONNECT_DATA },
    encryptionEnabled: 0,
    isPlaying: true,
  };
}

/** Brings one session to where video flows and is established: its first datagram has come to the client. */
export async function playInNetwork(
  network: RoutedNetwork,
  datapath: Datapath,
  family: 4 | 6 = 4,
  options: KernelPlayOptions = {},
): Promise<KernelPlay> {
  const { play, ...relay } = await openNetworkRelay(network, datapath, family, options.config);
  try {
    const session = await play(1, options.stream === undefined ? {} : { stream: options.stream });
    const { client, host, slot } = session;
    const send: KernelPlay['send'] = (stream, bytes) => {
      host[stream].send(bytes, slot[stream]);
    };
    send('video', options.firstVideo ?? videoDatagram(1));
    await client.video.expect(1);
    return {
      ...relay,
      ...session,
      send,
      sendVideo: (sequence, size) => {
        const bytes = videoDatagram(sequence, size);
        send('video', bytes);
        return bytes;
      },
      sendControl: (...commands) => {
        const bytes = datagram(0, HOST_PEER.toClient, ...commands);
        send('control', bytes);
        return bytes;
      },
      establishAudio: async () => {
        const count = client.audio.received.length;
        send('audio', Buffer.alloc(100, 0x5a));
        await client.audio.expect(count + 1);
      },
    };
  } catch (error) {
    await relay.close();
    throw error;
  }
}

/** A video datagram in clear; its number is `sequence`, its frame's 1. Shorter than its headers, it has none. */
export function videoDatagram(sequence: number, size = 1200): Buffer {
  const bytes = Buffer.alloc(size, sequence & 0xff);
  bytes[0] = 0x90;
  if (size >= 24) {
    bytes.writeUInt16BE(sequence & 0xffff, 2);
    bytes.writeUInt32LE(1, 20);
  }
  return bytes;
}
