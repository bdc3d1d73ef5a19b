/** Both ends of the engine against each other, over a link and a clock that exist in memory only. */
import { beforeEach, describe, expect, it } from 'vitest';
import { connectEnet } from './connect.ts';
import { EnetHost } from './host.ts';
import type { EnetPeer } from './peer.ts';
import { ENET_CHANNELS, ENET_MTU, type EnetDisconnectReason, type EnetMode } from './types.ts';

const TICK_MS = 5;
const CONNECT_DATA = 0x389bf886;
const HOST = 'host';

interface Weather {
  lossPercent: number;
  duplicatePercent: number;
  /** One way, each datagram between these. */
  delayMs: [min: number, max: number];
}

interface InFlight {
  atMs: number;
  from: string;
  to: string;
  datagram: Uint8Array;
}

/** mulberry32: the same dice in every run. */
function createDice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** A host, its clients, and the network between them. */
class World {
  nowMs = 1000;
  weather: Weather = { lossPercent: 0, duplicatePercent: 0, delayMs: [1, 1] };
  readonly transmitted: InFlight[] = [];
  readonly hostEvents: string[] = [];
  readonly hostMessages: { peer: EnetPeer; channelID: number; payload: Uint8Array }[] = [];
  readonly host: EnetHost;
  readonly #dice: () => number;
  readonly #clients = new Map<string, EnetPeer>();
  #inFlight: InFlight[] = [];

  constructor(seed = 1, peersMax = 4) {
    this.#dice = createDice(seed);
    this.host = new EnetHost({
      now: () => this.nowMs,
      transmit: (datagram, address, port) => {
        this.transmit(HOST, `${address}:${port}`, datagram);
      },
      accept: (data) => data === CONNECT_DATA,
      peersMax,
      events: {
        onConnect: (peer) => this.hostEvents.push(`connect ${peer.identity.incomingPeerID}`),
        onMessage: (peer, channelID, payload) => this.hostMessages.push({ peer, channelID, payload }),
        onDisconnect: (peer, reason) => this.hostEvents.push(`${reason} ${peer.identity.incomingPeerID}`),
      },
    });
  }

  connect(place: string, options: { data?: number; connectID?: number } = {}) {
    const messages: { channelID: number; payload: Uint8Array }[] = [];
    const events: string[] = [];
    const at = { place };
    const peer = connectEnet({
      channelCount: ENET_CHANNELS,
      data: options.data ?? CONNECT_DATA,
      connectID: options.connectID ?? 0x11223344,
      now: () => this.nowMs,
      transmit: (datagram) => {
        this.transmit(at.place, HOST, datagram);
      },
      events: {
        onConnect: () => events.push('connect'),
        onMessage: (channelID, payload) => messages.push({ channelID, payload }),
        onDisconnect: (reason: EnetDisconnectReason) => events.push(reason),
      },
    });
    this.#clients.set(place, peer);
    const move = (to: string) => {
      this.#clients.delete(at.place);
      at.place = to;
      this.#clients.set(to, peer);
    };
    const vanish = () => this.#clients.delete(at.place);
    return { peer, messages, events, move, vanish };
  }

  transmit(from: string, to: string, datagram: Uint8Array): void {
    const { lossPercent, duplicatePercent, delayMs } = this.weather;
    const [minMs, maxMs] = delayMs;
    const copies = this.#dice() * 100 < duplicatePercent ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const atMs = this.nowMs + minMs + this.#dice() * (maxMs - minMs);
      this.transmitted.push({ atMs: this.nowMs, from, to, datagram });
      if (this.#dice() * 100 >= lossPercent) this.#inFlight.push({ atMs, from, to, datagram });
    }
  }

  run(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    while (this.nowMs < endMs) {
      this.nowMs += TICK_MS;
      const due = this.#inFlight.filter(({ atMs }) => atMs <= this.nowMs).sort((a, b) => a.atMs - b.atMs);
      this.#inFlight = this.#inFlight.filter(({ atMs }) => atMs > this.nowMs);
      for (const { from, to, datagram } of due) this.#deliver(from, to, datagram);
      this.host.tick();
      for (const peer of this.#clients.values()) peer.tick();
    }
  }

  #deliver(from: string, to: string, datagram: Uint8Array): void {
    if (to !== HOST) {
      this.#clients.get(to)?.receive(datagram);
      return;
    }
    const [address = '', port] = from.split(':');
    this.host.receive(datagram, { address, port: Number(port) });
  }
}

const STORM: Weather = { lossPercent: 20, duplicatePercent: 10, delayMs: [2, 60] };
const numbered = (index: number, size = 12) => {
  const payload = new Uint8Array(size).fill(index % 251);
  new DataView(payload.buffer).setUint32(0, index);
  return payload;
};
const numberOf = (payload: Uint8Array) =>
  new DataView(payload.buffer, payload.byteOffset, payload.byteLength).getUint32(0);

describe('connecting', () => {
  it('connects both ends, and the round trip is measured', () => {
    const world = new World();
    world.weather.delayMs = [10, 10];
    const { peer, events } = world.connect('a:1');
    world.run(600);
    expect(events).toEqual(['connect']);
    expect(world.hostEvents).toEqual(['connect 0']);
    expect(peer.rttMs).toBeGreaterThanOrEqual(20);
    expect(peer.rttMs).toBeLessThan(40);
  });

  it('repeats CONNECT after 0.5, 1, 2, 3.5 and 5.5 s and gives up after 8 s', () => {
    const world = new World();
    world.weather.lossPercent = 100;
    const { events } = world.connect('a:1');
    world.run(7990);
    expect(world.transmitted.map(({ atMs }) => atMs - 1000)).toEqual([0, 500, 1000, 2000, 3500, 5500]);
    expect(events).toEqual([]);
    world.run(20);
    expect(events).toEqual(['timeout']);
  });

  it('does not answer connect data that it does not expect', () => {
    const world = new World();
    world.connect('a:1', { data: 1 });
    world.run(3000);
    expect(world.transmitted.filter(({ from }) => from === HOST)).toEqual([]);
  });

  it('ignores a repeated CONNECT, but not the same connectID from another address', () => {
    const world = new World();
    world.connect('a:1');
    const first = world.transmitted[0]?.datagram ?? new Uint8Array();
    world.run(100);
    world.transmit('a:1', HOST, first);
    world.run(100);
    expect(world.host.peers).toHaveLength(1);
    world.transmit('b:1', HOST, first);
    world.run(100);
    expect(world.host.peers).toHaveLength(2);
  });

  it('has room for so many peers and no more', () => {
    const world = new World(1, 2);
    const clients = [1, 2, 3].map((port) => world.connect(`a:${port}`, { connectID: port }));
    world.run(300);
    expect(clients.map(({ peer }) => peer.state)).toEqual(['connected', 'connected', 'connecting']);
  });

  it('counts the session bits up when a peer id is used again', () => {
    const world = new World();
    const sessionIDs = [0, 1, 2, 3, 4].map((round) => {
      const { peer } = world.connect(`a:${round + 1}`, { connectID: round });
      world.run(200);
      const { outgoingPeerID, outgoingSessionID, incomingSessionID } = peer.identity;
      expect(outgoingPeerID).toBe(0);
      expect(incomingSessionID).toBe(outgoingSessionID);
      peer.disconnect();
      world.run(200);
      return outgoingSessionID;
    });
    expect(sessionIDs).toEqual([0, 1, 2, 3, 0]);
  });
});

describe('messages', () => {
  let world: World;
  let client: ReturnType<World['connect']>;
  let hostPeer: EnetPeer;

  beforeEach(() => {
    world = new World(7);
    client = world.connect('a:1');
    world.run(100);
    const [peer] = world.host.peers;
    if (peer === undefined) throw new Error('no peer');
    hostPeer = peer;
  });

  it.each([
    {
      name: 'a calm link',
      weather: { lossPercent: 0, duplicatePercent: 0, delayMs: [1, 1] } satisfies Weather,
    },
    { name: 'loss, reordering and duplicates', weather: STORM },
  ])('arrive in order on each of 48 channels over $name', ({ weather }) => {
    world.weather = weather;
    for (let index = 0; index < 20 * ENET_CHANNELS; index++) {
      client.peer.send(index % ENET_CHANNELS, numbered(index), 'reliable');
      if (index % 40 === 0) world.run(TICK_MS);
    }
    world.run(6000);
    for (let channelID = 0; channelID < ENET_CHANNELS; channelID++) {
      const received = world.hostMessages.filter((message) => message.channelID === channelID);
      const expected = Array.from({ length: 20 }, (_, index) => index * ENET_CHANNELS + channelID);
      expect(received.map(({ payload }) => numberOf(payload))).toEqual(expected);
    }
    expect(client.peer.hasUnacknowledged).toBe(false);
  });

  it('arrive whole when they are longer than the MTU, in order with the short ones', () => {
    world.weather = STORM;
    const sizes = [10, 872, 873, 5000, 40_000, 12];
    for (const [index, size] of sizes.entries()) hostPeer.send(3, numbered(index, size), 'reliable');
    world.run(5000);
    expect(client.messages.map(({ payload }) => payload)).toEqual(
      sizes.map((size, index) => numbered(index, size)),
    );
    expect(Math.max(...world.transmitted.map(({ datagram }) => datagram.length))).toBeLessThanOrEqual(
      ENET_MTU,
    );
  });

  it.each<{ mode: EnetMode }>([{ mode: 'unreliable' }, { mode: 'unsequenced' }])(
    'come at most once and never twice when $mode',
    ({ mode }) => {
      world.weather = STORM;
      for (let index = 0; index < 300; index++) {
        client.peer.send(47, numbered(index), mode);
        world.run(TICK_MS);
      }
      world.run(500);
      const received = world.hostMessages.map(({ payload }) => numberOf(payload));
      expect(new Set(received).size).toBe(received.length);
      expect(received.length).toBeGreaterThan(50);
      if (mode === 'unreliable') expect(received).toEqual(received.toSorted((a, b) => a - b));
    },
  );

  it('never overtake a reliable one when unreliable', () => {
    world.weather.lossPercent = 100;
    client.peer.send(6, numbered(2), 'reliable');
    world.weather.lossPercent = 0;
    client.peer.send(6, numbered(3), 'unreliable');
    world.run(100);
    expect(world.hostMessages.map(({ payload }) => numberOf(payload))).toEqual([2, 3]);
  });

  it('go on when the sequence numbers wrap around', () => {
    for (let index = 0; index < 66_000; index++) {
      client.peer.send(0, numbered(index), 'reliable');
      if (index % 2000 === 1999) world.run(50);
    }
    world.run(200);
    expect(world.hostMessages).toHaveLength(66_000);
    expect(numberOf(world.hostMessages.at(-1)?.payload ?? new Uint8Array(4))).toBe(65_999);
  });

  it('are not sent on channels that do not exist', () => {
    client.peer.send(ENET_CHANNELS, numbered(1), 'reliable');
    client.peer.send(-1, numbered(1), 'reliable');
    world.run(100);
    expect(world.hostMessages).toEqual([]);
  });

  it('follow a client that moves to another port, and find their way back', () => {
    client.move('b:9');
    client.peer.send(0, numbered(1), 'reliable');
    world.run(50);
    hostPeer.send(0, numbered(2), 'reliable');
    world.run(50);
    expect(world.host.sourceOf(hostPeer)).toEqual({ address: 'b', port: 9 });
    expect(client.messages.map(({ payload }) => numberOf(payload))).toEqual([2]);
  });

  it('of another session with the same peer id are dropped', () => {
    client.peer.send(0, numbered(1), 'reliable');
    const foreign = world.transmitted.at(-1)?.datagram.slice() ?? new Uint8Array(2);
    foreign[0] = (foreign[0] ?? 0) | 0x20;
    world.run(50);
    world.hostMessages.length = 0;
    world.transmit('evil:1', HOST, foreign);
    world.run(50);
    expect(world.hostMessages).toEqual([]);
    expect(world.host.sourceOf(hostPeer)).toEqual({ address: 'a', port: 1 });
  });
});

describe('ending', () => {
  const connected = () => {
    const world = new World(3);
    const client = world.connect('a:1');
    world.run(100);
    const [hostPeer] = world.host.peers;
    if (hostPeer === undefined) throw new Error('no peer');
    return { world, client, hostPeer };
  };

  it('delivers what was sent before the disconnect, over a bad link', () => {
    const { world, client } = connected();
    world.weather = STORM;
    for (let index = 0; index < 50; index++) client.peer.send(0, numbered(index), 'reliable');
    client.peer.disconnect();
    world.run(4000);
    expect(world.hostMessages).toHaveLength(50);
    expect(world.hostEvents).toEqual(['connect 0', 'remote 0']);
    expect(client.events).toEqual(['connect', 'local']);
  });

  it('tells the client when the host disconnects, with or without waiting', () => {
    const first = connected();
    first.hostPeer.disconnect();
    first.world.run(100);
    expect(first.client.events).toEqual(['connect', 'remote']);
    expect(first.world.hostEvents).toEqual(['connect 0', 'local 0']);

    const second = connected();
    second.hostPeer.disconnectNow();
    second.world.run(100);
    expect(second.client.events).toEqual(['connect', 'remote']);
  });

  it('comes 5 s after a client vanished', () => {
    const { world, client } = connected();
    client.vanish();
    world.run(5300);
    expect(world.hostEvents).toEqual(['connect 0']);
    world.run(1500);
    expect(world.hostEvents).toEqual(['connect 0', 'timeout 0']);
  });

  it('comes 10 s after the host fell silent', () => {
    const { world, client } = connected();
    world.weather.lossPercent = 100;
    world.run(9900);
    expect(client.events).toEqual(['connect']);
    world.run(1000);
    expect(client.events).toEqual(['connect', 'timeout']);
  });

  it('does not come while both are idle: pings keep the connection', () => {
    const { world, client } = connected();
    const before = world.transmitted.length;
    world.run(10_000);
    expect(client.peer.state).toBe('connected');
    expect(world.hostEvents).toEqual(['connect 0']);
    const perSecond = (world.transmitted.length - before) / 10;
    expect(perSecond).toBeGreaterThan(3);
    expect(perSecond).toBeLessThan(12);
  });

  it('survives a silence of 4 s', () => {
    const { world, client, hostPeer } = connected();
    world.weather.lossPercent = 100;
    world.run(4000);
    world.weather.lossPercent = 0;
    world.run(2000);
    expect([client.peer.state, hostPeer.state]).toEqual(['connected', 'connected']);
  });
});
