/** Sessions that stream steadily through a relay, between sockets on two machines: what came when, and from where. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { vi } from 'vitest';
import type { SessionRecord } from '../../core/session/record.ts';
import type { SessionTable } from '../../core/session/table.ts';
import {
  connect,
  datagram,
  ENET_ACK,
  HOST_CONNECT_DATA,
  HOST_PAYLOAD,
  HOST_PEER,
  message,
  ping,
  sessionRow,
  verifyConnect,
} from '../../relay/testing/fixture.ts';
import { STREAMS, type StreamKind } from '../../relay/counts/counters.ts';
import { until } from '../../relay/testing/udp-peer.ts';
import { MOONLIGHT_PORTS } from '../../core/protocol/moonlight/ports.ts';
import { enlargeReceiveBuffer, openUdpSocket } from './kernel-libc.ts';
import { videoDatagram } from './kernel-relay.ts';
import type { Member } from './netns.ts';
import { enter } from './routed.ts';

const MEDIA_EVERY_MS = 20;
const PING_EVERY_MS = 100;
const VIDEO_BYTES = 1_000;
const PATIENCE = { timeout: 20_000, interval: 10 };
const AUDIO = Buffer.alloc(100, 0x5a);

/** Where the relay is: what the hosts see, and what the clients see, is one address. */
export interface RelayPlace {
  address: string;
  upstreamPortBase: number;
}

/** One socket on a machine. */
class Peer {
  readonly socket: Socket;
  /** Everybody who sent something, as `address:port`. */
  readonly sources = new Set<string>();
  onDatagram: (bytes: Buffer, source: RemoteInfo) => void = () => undefined;
  count = 0;
  /** The longest time without a datagram since `beginGap`, and when the last one came, ms. */
  longestGapMs = 0;
  lastAtMs = 0;

  constructor(machine: Member) {
    const leave = enter(`/run/netns/${machine.name}`);
    const descriptor = openUdpSocket(machine.address);
    leave();
    enlargeReceiveBuffer(descriptor);
    this.socket = createSocket({
      type: 'udp4',
      lookup: (name, _options, callback) => {
        callback(null, name, 4);
      },
    });
    this.socket.on('message', (bytes, source) => {
      const nowMs = performance.now();
      this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.lastAtMs);
      this.lastAtMs = nowMs;
      this.count += 1;
      this.sources.add(`${source.address}:${source.port}`);
      this.onDatagram(bytes, source);
    });
    // The way may be gone for a moment.
    this.socket.on('error', () => undefined);
    this.socket.bind({ fd: descriptor });
  }
}

type Peers = Record<StreamKind, Peer>;

/** A client and its host. */
class SteadyStream {
  readonly session: SessionRecord;
  readonly client: Peers;
  readonly host: Peers;
  /** Video datagrams that came twice. */
  repeated = 0;
  readonly #place: RelayPlace;
  readonly #index: number;
  readonly #seen = new Set<number>();
  #sequence = 0;
  #control = 0;
  #ping = 1;

  constructor(index: number, place: RelayPlace, machines: { client: Member; host: Member }) {
    this.#index = index;
    this.#place = place;
    const peersOn = (machine: Member): Peers => ({
      control: new Peer(machine),
      video: new Peer(machine),
      audio: new Peer(machine),
    });
    this.client = peersOn(machines.client);
    this.host = peersOn(machines.host);
    const rtsp = { address: machines.host.address, port: 48_010, label: 'label', encrypted: false };
    this.session = sessionRow(index, {
      client: { address: machines.client.address },
      host: { name: 'host', rtsp },
      upstream: { address: place.address, slot: index },
    });
    this.host.control.onDatagram = (bytes) => {
      // The CONNECT alone is that long.
      const answer = bytes.length === connect(0, 0).length ? this.#verify() : this.#acknowledge();
      this.#toSlot('control', answer);
    };
    this.client.video.onDatagram = (bytes) => {
      const sequence = bytes.readUInt32BE(bytes.length - 4);
      if (this.#seen.has(sequence)) this.repeated += 1;
      this.#seen.add(sequence);
    };
  }

  async begin(table: SessionTable, hostAddress: string): Promise<void> {
    const { id, generation, tokens } = this.session;
    const at = (stream: StreamKind) => ({
      address: hostAddress,
      port: this.host[stream].socket.address().port,
    });
    await table.writer('session').put(this.session);
    await table.writer('stream').put({
      id,
      generation,
      audio: { ...at('audio'), pingPayload: HOST_PAYLOAD },
      video: { ...at('video'), pingPayload: HOST_PAYLOAD },
      control: { ...at('control'), connectData: HOST_CONNECT_DATA },
      encryptionEnabled: 0,
      isPlaying: true,
    });
    const heldConnect = connect(0x1000 + this.#index, tokens.connectData);
    const knock = setInterval(() => {
      this.sendPings();
      if (this.host.control.count === 0) this.#toRelay('control', heldConnect);
    }, 50);
    await until(
      () => this.client.control.count > 0 && this.host.video.count > 0 && this.host.audio.count > 0,
      `session ${id} connects`,
    ).finally(() => {
      clearInterval(knock);
    });
  }

  sendPings(): void {
    this.#ping += 1;
    for (const stream of ['video', 'audio'] as const)
      this.#toRelay(stream, ping(this.session, this.#ping, stream));
  }

  sendControl(): void {
    const { peerId } = this.session.tokens;
    this.#toRelay('control', datagram(peerId, HOST_PEER.toHost, message(this.#control)));
    this.#control += 1;
  }

  sendMedia(): void {
    const bytes = videoDatagram(this.#sequence, VIDEO_BYTES);
    bytes.writeUInt32BE(this.#sequence, VIDEO_BYTES - 4);
    this.#sequence += 1;
    this.#toSlot('video', bytes);
    this.#toSlot('audio', AUDIO);
  }

  close(): void {
    for (const side of [this.client, this.host]) for (const stream of STREAMS) side[stream].socket.close();
  }

  #verify(): Uint8Array {
    return verifyConnect(0x1000 + this.#index, HOST_PEER);
  }

  #acknowledge(): Uint8Array {
    return datagram(0, HOST_PEER.toClient, ENET_ACK);
  }

  #toRelay(stream: StreamKind, bytes: Uint8Array): void {
    this.client[stream].socket.send(bytes, MOONLIGHT_PORTS[stream], this.#place.address);
  }

  #toSlot(stream: StreamKind, bytes: Uint8Array): void {
    const offset = { control: 0, video: 1, audio: 2 }[stream];
    const port = this.#place.upstreamPortBase + 3 * this.#index + offset;
    this.host[stream].socket.send(bytes, port, this.#place.address);
  }
}

export class SteadyStreams {
  readonly #streams: readonly SteadyStream[];
  #timers: NodeJS.Timeout[] = [];

  private constructor(streams: readonly SteadyStream[]) {
    this.#streams = streams;
  }

  /** Begins `count` sessions, and lets them stream until `close`. */
  static async begin(
    count: number,
    parts: { place: RelayPlace; client: Member; host: Member; table: SessionTable },
  ): Promise<SteadyStreams> {
    const streams = Array.from({ length: count }, (_, index) => new SteadyStream(index, parts.place, parts));
    const all = new SteadyStreams(streams);
    for (const stream of streams) await stream.begin(parts.table, parts.host.address);
    all.#timers = [
      setInterval(() => {
        for (const stream of streams) stream.sendMedia();
      }, MEDIA_EVERY_MS),
      setInterval(() => {
        for (const stream of streams) {
          stream.sendPings();
          stream.sendControl();
        }
      }, PING_EVERY_MS),
    ];
    return all;
  }

  /** Measures gaps from now on. */
  beginGap(): void {
    for (const peer of this.#clientPeers()) peer.longestGapMs = 0;
  }

  /** The longest time, ms, for which each session got nothing on each of its streams since `beginGap`. */
  gaps(): Record<StreamKind, number[]> {
    const of = (stream: StreamKind): number[] =>
      this.#streams.map(({ client }) => client[stream].longestGapMs);
    return { control: of('control'), video: of('video'), audio: of('audio') };
  }

  /** Resolves when everybody has got what comes to each in half a second, media, control or pings. */
  async expectAllGoOn(): Promise<void> {
    const wanted = this.#streams.flatMap(({ client, host }) => [
      ...[client.video, client.audio].map((peer) => ({ peer, count: peer.count + 25 })),
      ...[client.control, host.control].map((peer) => ({ peer, count: peer.count + 5 })),
      ...[host.video, host.audio].map((peer) => ({ peer, count: peer.count + 1 })),
    ]);
    await vi.waitFor(() => {
      const late = wanted.filter(({ peer, count }) => peer.count < count);
      if (late.length > 0) throw new Error(`${late.length} of ${wanted.length} sockets get nothing`);
    }, PATIENCE);
  }

  /** Everybody that some host ever heard, one of each stream for each session as long as none sees a new peer. */
  peersOfHosts(): string[] {
    return this.#streams.flatMap(({ host }) => STREAMS.flatMap((stream) => [...host[stream].sources]));
  }

  /** Everybody that some client ever heard. */
  peersOfClients(): Set<string> {
    return new Set(this.#clientPeers().flatMap(({ sources }) => [...sources]));
  }

  /** Video datagrams that came to a client more than once. */
  repeated(): number {
    return this.#streams.reduce((sum, stream) => sum + stream.repeated, 0);
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const stream of this.#streams) stream.close();
  }

  #clientPeers(): Peer[] {
    return this.#streams.flatMap(({ client }) => STREAMS.map((stream) => client[stream]));
  }
}
