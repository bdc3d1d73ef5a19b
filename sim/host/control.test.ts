import { describe, expect, it } from 'vitest';
import {
  CONTROL_TYPE,
  openControlMessage,
  sealControlMessage,
  TERMINATION_GRACEFUL,
} from '../../core/protocol/enet/control.ts';
import { parseAnnounce } from '../../core/protocol/sdp.ts';
import { createLogger } from '../../core/runtime/log.ts';
import { connectEnet } from '../enet/connect.ts';
import type { EnetPeer } from '../enet/peer.ts';
import { ClipLibrary } from './clips.ts';
import { ControlServer } from './control.ts';
import { createFakeClock } from './fake-clock.ts';
import { completeHabits, type WolfHabits } from './habits.ts';
import { Sessions } from './sessions.ts';
import type { SimSession } from './session.ts';

const clips = new ClipLibrary();
const KEY_A = Buffer.alloc(16, 0xa);
const KEY_B = Buffer.alloc(16, 0xb);
const CLIENT = { address: '192.0.2.1', port: 5000 };
const KEY_DOWN = Buffer.from('0000000a0300000000004180000000', 'hex');
const KEY_UP = Buffer.from('0000000a0400000000004180000000', 'hex');

function announce(encryptionEnabled: number) {
  const parsed = parseAnnounce(
    Buffer.from(
      `a=x-nv-video[0].clientViewportWd:1280 \r\na=x-nv-video[0].clientViewportHt:720 \r\n` +
        `a=x-nv-video[0].maxFPS:60 \r\na=x-ss-general.encryptionEnabled:${encryptionEnabled} \r\n`,
    ),
  );
  if (parsed === undefined) throw new Error('not an announce');
  return parsed;
}

function setUp(chosen: Partial<WolfHabits> = {}) {
  const clock = createFakeClock();
  const habits = completeHabits(chosen);
  const clients = new Map<number, EnetPeer>();
  const sessions = new Sessions({
    clock,
    clips,
    habits,
    fill: false,
    transmit: () => undefined,
    sessionsMax: 4,
    offersRtspEncryption: true,
  });
  const control = new ControlServer({
    clock,
    sessions,
    habits,
    transmit: (datagram, { port }) => clients.get(port)?.receive(Uint8Array.from(datagram)),
    log: createLogger('silent'),
  });
  control.start();
  const order = (rikey: Buffer) => ({
    fingerprint: 'client',
    clientAddress: CLIENT.address,
    query: { appId: 1, rikey, rikeyid: 1, corever: 1, mode: undefined, parameters: {} },
  });
  return { clock, control, sessions, clients, order };
}
type World = ReturnType<typeof setUp>;

function launch(world: World, encryptionEnabled = 1): SimSession {
  const session = world.sessions.launch(world.order(KEY_A));
  if (typeof session === 'string') throw new Error(session);
  play(session, encryptionEnabled);
  return session;
}

function play(session: SimSession, encryptionEnabled = 1): void {
  session.stream.describe(announce(encryptionEnabled));
  session.stream.play();
  session.stream.ping('video', { address: CLIENT.address, port: 6000 });
}

function connect(world: World, data: number, port = CLIENT.port) {
  const messages: Uint8Array[] = [];
  const ended: string[] = [];
  let isCut = false;
  const peer = connectEnet({
    channelCount: 48,
    data,
    connectID: 0x1234_0000 + port,
    now: world.clock.nowMs,
    transmit: (datagram) => {
      if (!isCut) world.control.receive(Uint8Array.from(datagram), { ...CLIENT, port });
    },
    events: {
      onConnect: () => undefined,
      onMessage: (_channelID, payload) => messages.push(payload),
      onDisconnect: (reason) => ended.push(reason),
    },
  });
  world.clients.set(port, peer);
  // The host's first answer came while the peer was being made.
  for (let step = 0; step < 200 && peer.state === 'connecting'; step++) {
    world.clock.advance(10);
    peer.tick();
  }
  const vanish = () => {
    isCut = true;
    world.clients.delete(port);
  };
  return { peer, messages, ended, vanish };
}

describe('ControlServer', () => {
  it.each([
    { version: 'v1', encryptionEnabled: 0 },
    { version: 'v2', encryptionEnabled: 1 },
  ] as const)('understands clients that speak $version', ({ version, encryptionEnabled }) => {
    const world = setUp();
    const session = launch(world, encryptionEnabled);
    const { peer } = connect(world, session.stream.tokens.connectData);
    expect(session.info().isConnected).toBe(true);
    const cipher = { key: KEY_A, version, sender: 'client' } as const;
    const say = (seq: number, type: number, payload: Uint8Array) => {
      peer.send(0, sealControlMessage({ seq, type, payload }, cipher), 'reliable');
    };
    say(0, CONTROL_TYPE.START_A_REQUEST_IDR, new Uint8Array(2));
    say(1, CONTROL_TYPE.INPUT, KEY_DOWN);
    say(2, CONTROL_TYPE.INPUT, KEY_UP);
    say(3, CONTROL_TYPE.PERIODIC_PING, new Uint8Array(8));
    expect(session.info()).toMatchObject({ inputEvents: 2, idrRequests: 1, variant: 'b' });
    peer.send(
      0,
      sealControlMessage({ seq: 4, type: 0x0206, payload: KEY_DOWN }, { ...cipher, key: KEY_B }),
      'reliable',
    );
    peer.send(0, Buffer.from('0200'), 'reliable');
    expect(session.info().inputEvents).toBe(2);
  });

  it('does not answer strangers, nor a session before PLAY', () => {
    const world = setUp();
    const session = world.sessions.launch(world.order(KEY_A));
    if (typeof session === 'string') throw new Error(session);
    expect(connect(world, session.stream.tokens.connectData).peer.state).toBe('connecting');
    play(session);
    expect(connect(world, session.stream.tokens.connectData ^ 1, 5001).peer.state).toBe('connecting');
  });

  it('knows clients by address where it gave them no connect data', () => {
    const world = setUp({ legacyTokens: true });
    const session = launch(world);
    expect(connect(world, 0).peer.state).toBe('connected');
    expect(session.info().isConnected).toBe(true);
  });

  it('ends the stream with the connection and keeps the session', () => {
    const world = setUp();
    const session = launch(world);
    const { peer } = connect(world, session.stream.tokens.connectData);
    expect(session.info().isStreaming).toBe(true);
    peer.disconnect();
    expect(session.info()).toMatchObject({ isStreaming: false, isConnected: false });
    expect(world.sessions.all()).toEqual([session]);
  });

  it('tells the client a graceful end', () => {
    const world = setUp();
    const session = launch(world);
    const { messages, peer } = connect(world, session.stream.tokens.connectData);
    world.control.terminate(session);
    const opened =
      messages[0] && openControlMessage(messages[0], { key: KEY_A, version: 'v2', sender: 'host' });
    expect(opened).toMatchObject({ seq: 0, type: CONTROL_TYPE.TERMINATION });
    expect(Buffer.from(opened?.payload ?? []).readUInt32BE()).toBe(TERMINATION_GRACEFUL);
    world.clock.advance(3000);
    expect(peer.state).toBe('disconnected');
  });

  it.each([
    { name: 'leaves the new stream alone when the old peer times out', habits: {}, isStreaming: true },
    {
      name: 'pauses the new stream then, if it has that habit',
      habits: { stalePeerPause: true, firstPingOnly: true },
      isStreaming: false,
    },
  ])('$name', ({ habits, isStreaming }) => {
    const world = setUp(habits);
    const session = launch(world);
    connect(world, session.stream.tokens.connectData).vanish();
    world.sessions.resume(world.order(KEY_B));
    play(session);
    const keepAlive = connect(world, session.stream.tokens.connectData, 5001);
    for (let step = 0; step < 400; step++) {
      world.clock.advance(10);
      keepAlive.peer.tick();
    }
    expect(session.info().isStreaming).toBe(true);
    for (let step = 0; step < 400; step++) {
      world.clock.advance(10);
      keepAlive.peer.tick();
    }
    expect(session.info()).toMatchObject({ isStreaming, isConnected: true });
  });

  it('sends stale clients away when told to', () => {
    const world = setUp();
    const session = launch(world);
    const old = connect(world, session.stream.tokens.connectData);
    world.sessions.resume(world.order(KEY_B));
    world.control.dropStale(session);
    expect(old.ended).toEqual(['remote']);
  });

  it('leaves nothing running', () => {
    const world = setUp();
    const session = launch(world);
    const { ended } = connect(world, session.stream.tokens.connectData);
    world.control.terminate(session);
    world.control.stop();
    session.pause();
    expect(ended).toEqual(['remote']);
    expect(world.clock.pending()).toBe(0);
  });
});
