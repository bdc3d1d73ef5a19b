/** A relay on loopback with a memory table, and the peers and datagrams that its tests need. */
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { enetCommandSize, writeEnetCommand, type EnetCommand } from '../../core/protocol/enet/command.ts';
import { CONTROL_TYPE, sealControlMessage, type ControlCipher } from '../../core/protocol/enet/control.ts';
import { writeEnetHeader } from '../../core/protocol/enet/header.ts';
import { pingPayloadOf, writePing, type MediaStream } from '../../core/protocol/rtp/ping.ts';
import { createSealer } from '../../core/runtime/seal.ts';
import { flowRowId } from '../../core/session/flows.ts';
import { createMemoryTable } from '../../core/session/memory.ts';
import type { FlowRecord, SessionRecord, StreamRecord } from '../../core/session/record.ts';
import type { SessionTable } from '../../core/session/table.ts';
import type { RelayConfig } from '../config.ts';
import { STREAMS, type DropReason, type StreamKind } from '../counts/counters.ts';
import { createRelay, type Relay } from '../relay.ts';
import { FakeClock } from './clock.ts';
import { UdpPeer, until } from './udp-peer.ts';

export const RIKEY = Buffer.from('b43d968a233c02392c4069b97827d563', 'hex');
export const HOST_CONNECT_DATA = 0x1234_5678;
export const HOST_PAYLOAD = "h0st,'{~payload;";
/** Of every fixture: one that is started on the table of another takes over. */
const RELAY_NAME = 'edge';
const SEALER = createSealer(Buffer.alloc(32, 7));

type Peers = Record<StreamKind, UdpPeer>;

/** Three sockets, as a client or a host has them. */
export async function openPeers(address?: string): Promise<Peers> {
  const open = (): Promise<UdpPeer> => UdpPeer.open(address);
  return { control: await open(), video: await open(), audio: await open() };
}

/** Everything of one test; `close` it. */
export class Fixture {
  readonly clock = new FakeClock();
  readonly table: SessionTable;
  readonly register = new Registry();
  readonly relay: Relay;
  ports: Record<StreamKind, number> = { control: 0, video: 0, audio: 0 };
  readonly #peers: UdpPeer[] = [];

  private constructor(config: Partial<RelayConfig>, table: SessionTable) {
    this.table = table;
    this.relay = createRelay({
      name: RELAY_NAME,
      config: {
        bindAddress: '127.0.0.1',
        controlPort: 0,
        videoPort: 0,
        audioPort: 0,
        upstreamPortBase: 0,
        slotsMax: 100,
        allowLoopback: true,
        ...config,
      },
      table: table.reader,
      flows: table.writer('flow'),
      sealer: SEALER,
      log: pino({ level: 'silent' }),
      register: this.register,
      clock: this.clock,
    });
  }

  static async start(config: Partial<RelayConfig> = {}, table = createMemoryTable()): Promise<Fixture> {
    const fixture = new Fixture(config, table);
    fixture.ports = await fixture.relay.start();
    return fixture;
  }

  async close(): Promise<void> {
    await this.relay.stop();
    for (const peer of this.#peers) peer.close();
  }

  /** Opens peers that live as long as the fixture. */
  async peers(address?: string): Promise<Peers> {
    const peers = await openPeers(address);
    this.#peers.push(peers.control, peers.video, peers.audio);
    return peers;
  }

  /** One more socket, such as a stranger or a client's next port. */
  async peer(address?: string): Promise<UdpPeer> {
    const peer = await UdpPeer.open(address);
    this.#peers.push(peer);
    return peer;
  }

  async putSession(session: SessionRecord): Promise<void> {
    await this.table.writer('session').put(session);
  }

  async putStream(stream: StreamRecord): Promise<void> {
    await this.table.writer('stream').put(stream);
  }

  /** Seals a key as the rows carry it. */
  seal(key: Uint8Array): string {
    return SEALER.seal(key);
  }

  flowRow(id: string): Promise<FlowRecord | undefined> {
    return this.table.reader.get('flow', flowRowId(id, RELAY_NAME));
  }

  dropped(reason: DropReason): number {
    return this.relay.stats().counters.dropped[reason];
  }

  /** Waits until `count` datagrams in all were dropped for `reason`. */
  async expectDropped(reason: DropReason, count = 1): Promise<void> {
    await until(
      () => this.dropped(reason) >= count,
      `${count} dropped as ${reason}: ${JSON.stringify(this.relay.stats().counters.dropped)}`,
    );
  }

  /** Waits until every open slot has its sockets, seen by a flow that was opened. */
  async expectFlows(count: number): Promise<void> {
    await until(() => this.relay.stats().flows === count, `${count} flows`);
  }
}

/** A session row, ready. `index` makes its tokens its own. */
export function sessionRow(index: number, overrides: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: `session-${index}`,
    generation: 1,
    state: 'ready',
    client: { address: '127.0.0.1' },
    keys: { rikey: SEALER.seal(RIKEY), rikeyid: 1 },
    tokens: tokensOf(index),
    host: { name: 'host', rtsp: { address: '127.0.0.1', port: 48010, label: 'label', encrypted: false } },
    upstream: { address: '127.0.0.1', slot: index },
    ...overrides,
  };
}

/** Tokens as the operator mints them; `index` 0..99. */
export function tokensOf(index: number): SessionRecord['tokens'] {
  const two = String(index).padStart(2, '0');
  return {
    pingPayload: `ping-payload--${two}`,
    connectData: 0x8000_0000 + index,
    rtspSession: `RTSPSESSION${two}`,
    rtspLabel: `gleipnir-${two}`,
    peerId: 0x500 + index,
  };
}

/** A stream row with everything the host said. */
export function streamRow(
  session: SessionRecord,
  host: Peers,
  overrides: Partial<StreamRecord> = {},
): StreamRecord {
  const at = (stream: StreamKind): { address: string; port: number } => ({
    address: '127.0.0.1',
    port: host[stream].port,
  });
  return {
    id: session.id,
    generation: session.generation,
    audio: { ...at('audio'), pingPayload: HOST_PAYLOAD },
    video: { ...at('video'), pingPayload: HOST_PAYLOAD },
    control: { ...at('control'), connectData: HOST_CONNECT_DATA },
    encryptionEnabled: 0,
    isPlaying: true,
    ...overrides,
  };
}

/** A client's ping. */
export function ping(session: SessionRecord, counter: number, stream: MediaStream = 'video'): Uint8Array {
  const bytes = new Uint8Array(20);
  writePing(bytes, pingPayloadOf(session.tokens.pingPayload, stream), counter);
  return bytes;
}

/** A datagram with `commands`; `sentTime` present, as most have it. */
export function datagram(peerID: number, sessionID: number, ...commands: EnetCommand[]): Uint8Array {
  const size = commands.reduce((sum, command) => sum + enetCommandSize(command), 4);
  const bytes = new Uint8Array(size);
  let offset = writeEnetHeader(bytes, { peerID, sessionID, sentTime: 0x3235 });
  for (const command of commands) offset = writeEnetCommand(bytes, offset, command);
  return bytes;
}

const BASE = {
  needsAcknowledge: true,
  isUnsequenced: false,
  channelID: 0xff,
  reliableSequenceNumber: 1,
} as const;

const CONNECT_FIELDS = {
  outgoingPeerID: 0,
  incomingSessionID: 0xff,
  outgoingSessionID: 0xff,
  mtu: 900,
  windowSize: 65_536,
  channelCount: 48,
  incomingBandwidth: 0,
  outgoingBandwidth: 0,
  packetThrottleInterval: 5000,
  packetThrottleAcceleration: 2,
  packetThrottleDeceleration: 2,
} as const;

/** A client's CONNECT. */
export function connect(connectID: number, data: number): Uint8Array {
  return datagram(0xfff, 0, { ...BASE, ...CONNECT_FIELDS, type: 'connect', connectID, data });
}

/** A host's VERIFY_CONNECT: its peer id, and the session bits of both directions. */
export function verifyConnect(
  connectID: number,
  given: { peerID: number; toHost?: number; toClient?: number },
): Uint8Array {
  const { peerID, toHost = 1, toClient = 2 } = given;
  return datagram(0, toClient, {
    ...BASE,
    ...CONNECT_FIELDS,
    type: 'verifyConnect',
    connectID,
    outgoingPeerID: peerID,
    incomingSessionID: toClient,
    outgoingSessionID: toHost,
  });
}

export const DISCONNECT: EnetCommand = { ...BASE, type: 'disconnect', data: 0 };
export const ENET_PING: EnetCommand = { ...BASE, type: 'ping' };
export const ENET_ACK: EnetCommand = {
  ...BASE,
  needsAcknowledge: false,
  type: 'acknowledge',
  receivedReliableSequenceNumber: 1,
  receivedSentTime: 1,
};

/** An encrypted message in a SEND_RELIABLE: the client's periodic ping unless told otherwise. */
export function message(
  seq: number,
  options: { key?: Uint8Array; version?: 'v1' | 'v2'; type?: number; sender?: ControlCipher['sender'] } = {},
): EnetCommand {
  const { key = RIKEY, version = 'v1', type = CONTROL_TYPE.PERIODIC_PING, sender = 'client' } = options;
  const data = sealControlMessage({ seq, type, payload: new Uint8Array(8) }, { key, version, sender });
  return { ...BASE, channelID: 0, type: 'sendReliable', data };
}

/** A session that plays: its row, its peers and its stream. */
export interface Playing {
  session: SessionRecord;
  client: Peers;
  host: Peers;
  /** Ports of the slot, as the host sees them. */
  slot: Record<StreamKind, number>;
}

/** The id that hosts give in these tests, and the session bits of datagrams towards host and client. */
export const HOST_PEER = { peerID: 3, toHost: 1, toClient: 2 } as const;

export interface PlayOptions {
  session?: Partial<SessionRecord>;
  stream?: Partial<StreamRecord>;
  client?: Peers;
  host?: Peers;
}

/** Brings a session to where media may flow: pings of both kinds, CONNECT and VERIFY_CONNECT. */
export async function play(fixture: Fixture, index: number, options: PlayOptions = {}): Promise<Playing> {
  const session = sessionRow(index, options.session);
  const client = options.client ?? (await fixture.peers());
  const host = options.host ?? (await fixture.peers());
  const flows = fixture.relay.stats().flows;
  await fixture.putSession(session);
  await fixture.putStream(streamRow(session, host, options.stream));
  await fixture.expectFlows(flows + 1);

  const old = portsSeenBy(host);
  const slot: Record<StreamKind, number> = { control: 0, video: 0, audio: 0 };
  for (const stream of ['audio', 'video'] as const) {
    client[stream].send(ping(session, 1, stream), fixture.ports[stream]);
    slot[stream] = await awaitNewPort(fixture, host[stream], old);
  }
  const connectID = 0x1000 + index;
  const heard = client.control.received.length;
  client.control.send(connect(connectID, session.tokens.connectData), fixture.ports.control);
  slot.control = await awaitNewPort(fixture, host.control, old);
  host.control.send(verifyConnect(connectID, HOST_PEER), slot.control);
  await client.control.expect(heard + 1);
  return { session, client, host, slot };
}

function portsSeenBy(host: Peers): ReadonlySet<number> {
  return new Set(STREAMS.flatMap((stream) => host[stream].received.map(({ port }) => port)));
}

/** Slots open in the background: what could not be sent at once goes out with a tick. */
async function awaitNewPort(fixture: Fixture, peer: UdpPeer, old: ReadonlySet<number>): Promise<number> {
  const newest = (): number => peer.received.find(({ port }) => !old.has(port))?.port ?? 0;
  await until(() => {
    if (newest() === 0) fixture.clock.advance(20);
    return newest() !== 0;
  }, 'a datagram from a new port at the host');
  return newest();
}
