import fc from 'fast-check';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRtspFrame, parseRtspFrame, sealRtspFrame } from '../../core/protocol/rtsp/encryption.ts';
import { sessionRow } from '../../core/session/contract.ts';
import {
  ask,
  LOOPBACK,
  startBench,
  startHost,
  startSilentHost,
  type Bench,
  type ScriptedHost,
} from './test-bench.ts';

const OK = 'RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n';
const NOT_FOUND = 'RTSP/1.0 454 Session Not Found\r\nCSeq: 1\r\n\r\n';
const UNAVAILABLE = 'RTSP/1.0 503 Service Unavailable\r\nCSeq: 1\r\n\r\n';
const options = (host = '0.0.0.0', more = '') =>
  `OPTIONS rtsp://${host}:48010 RTSP/1.0\r\nCSeq: 1\r\nX-GS-ClientVersion: 14\r\nHost: ${host}\r\n${more}\r\n`;
const describeAs = (session: string) =>
  `DESCRIBE streamid=x RTSP/1.0\r\nCSeq: 1\r\nHost: 0.0.0.0\r\nSession: ${session}\r\n\r\n`;
const tokensOf = (name: string) => ({
  ...sessionRow().tokens,
  rtspSession: `SESSION-${name}`,
  rtspLabel: `label-of-${name}`,
});
const askText = async (port: number, request: string) => (await ask(port, request)).toString('latin1');

let bench: Bench;
let host: ScriptedHost;
/** So long that only what never comes takes it; tests of a time-out shorten theirs. */
const PATIENT = { readTimeoutMs: 20_000, hostTimeoutMs: 20_000, lingerMs: 20_000 };

beforeEach(async () => {
  bench = await startBench(PATIENT);
  host = await startHost(() => OK);
});
afterEach(async () => {
  await bench.stop();
  await host.stop();
});

describe('plain identification', () => {
  let other: ScriptedHost;
  beforeEach(async () => {
    other = await startHost(() => OK);
    await bench.addSession({ id: 'a', host, tokens: tokensOf('a') });
    await bench.addSession({ id: 'b', host: other, tokens: tokensOf('b') });
  });
  afterEach(() => other.stop());
  const asked = () => [host.requests.length, other.requests.length];

  it('tells two sessions of one address apart by Session value', async () => {
    expect(await askText(bench.port, describeAs('SESSION-a'))).toBe(OK);
    expect(asked()).toEqual([1, 0]);
    expect(await askText(bench.port, describeAs('SESSION-b'))).toBe(OK);
    expect(asked()).toEqual([1, 1]);
  });

  it('tells them apart by label, in URL or Host, in any case of letters', async () => {
    expect(await askText(bench.port, options('label-of-a'))).toBe(OK);
    expect(await askText(bench.port, options('LABEL-of-b'))).toBe(OK);
    expect(asked()).toEqual([1, 1]);
    const inHostOnly = options().replace('Host: 0.0.0.0', 'Host: label-of-b:48010');
    expect(await askText(bench.port, inHostOnly)).toBe(OK);
    expect(asked()).toEqual([1, 2]);
  });

  it('refuses labels of two sessions in one request', async () => {
    const both = options('label-of-a').replace('Host: label-of-a', 'Host: label-of-b');
    expect(await askText(bench.port, both)).toBe(NOT_FOUND);
  });

  it('goes by address for the holder of the gate only', async () => {
    expect(await askText(bench.port, options())).toBe(NOT_FOUND);
    await bench.gate.enter({ id: 'b', generation: 1, address: LOOPBACK });
    expect(await askText(bench.port, options())).toBe(OK);
    expect(await askText(bench.port, options(LOOPBACK))).toBe(OK);
    bench.gate.leave({ id: 'b', generation: 1, address: LOOPBACK });
    expect(await askText(bench.port, options())).toBe(NOT_FOUND);
    expect(asked()).toEqual([0, 2]);
    expect(await bench.refused('unidentified')).toBe(2);
  });

  it('does not make up for a stale Session or label by address', async () => {
    await bench.gate.enter({ id: 'a', generation: 1, address: LOOPBACK });
    expect(await askText(bench.port, describeAs('SESSION-stale'))).toBe(NOT_FOUND);
    expect(await askText(bench.port, options('label-of-nobody'))).toBe(NOT_FOUND);
    expect(asked()).toEqual([0, 0]);
  });

  it('knows no session once its row has gone', async () => {
    await bench.sessions.remove('a');
    expect(await askText(bench.port, options('label-of-a'))).toBe(NOT_FOUND);
  });

  it('removes the stream row with it', async () => {
    await bench.streams.put({ id: 'a', generation: 1, isPlaying: true });
    await bench.sessions.remove('a');
    await expect.poll(() => bench.table.list('stream')).toEqual([]);
  });
});

describe('admission', () => {
  it.each([
    { name: 'pending', state: 'pending' as const },
    { name: 'paused', state: 'paused' as const },
    { name: 'ended', state: 'ended' as const },
  ])('refuses a session that is $name', async ({ state }) => {
    await bench.addSession({ host, state, tokens: tokensOf('a') });
    expect(await askText(bench.port, options('label-of-a'))).toBe(NOT_FOUND);
    expect(host.requests).toEqual([]);
  });

  it('refuses a session whose launch is newer than its row', async () => {
    await bench.addSession({ host, tokens: tokensOf('a'), launch: { generation: 2 } });
    expect(await askText(bench.port, options('label-of-a'))).toBe(NOT_FOUND);
    expect(await bench.refused('notReady')).toBe(1);
  });

  it('refuses plain RTSP to a session that was told to encrypt', async () => {
    await bench.addSession({ host, tokens: tokensOf('a'), launch: { corever: 1 } });
    expect(await askText(bench.port, options('label-of-a'))).toBe(NOT_FOUND);
    expect(await bench.refused('plainRefused')).toBe(1);
    expect(host.requests).toEqual([]);
  });

  it('refuses a request when a newer handshake stands', async () => {
    await bench.addSession({ host, tokens: tokensOf('a') });
    await bench.streams.put({ id: 's1', generation: 2, isPlaying: true });
    expect(await askText(bench.port, options('label-of-a'))).toBe(NOT_FOUND);
    expect(await bench.table.get('stream', 's1')).toMatchObject({ generation: 2, isPlaying: true });
  });

  it('answers out-of-order requests itself', async () => {
    await bench.addSession({ host, tokens: tokensOf('a') });
    const play = 'PLAY / RTSP/1.0\r\nCSeq: 7\r\nSession: SESSION-a\r\n\r\n';
    expect(await askText(bench.port, play)).toMatch(/^RTSP\/1\.0 455 [^\r]+\r\nCSeq: 7\r\n\r\n$/);
    expect(host.requests).toEqual([]);
  });
});

describe('encrypted identification', () => {
  const keyA = Buffer.alloc(16, 0xa);
  const keyB = Buffer.alloc(16, 0xb);
  const seal = (key: Uint8Array, sequence: number) =>
    sealRtspFrame(Buffer.from(options()), { key, sequence, sender: 'client' });

  it('tells two sessions of one address apart by key', async () => {
    const other = await startHost(() => OK);
    await bench.addSession({ id: 'a', rikey: keyA, host, tokens: tokensOf('a'), launch: { corever: 1 } });
    await bench.addSession({
      id: 'b',
      rikey: keyB,
      host: other,
      tokens: tokensOf('b'),
      launch: { corever: 1 },
    });
    for (const sequence of [1, 2, 3]) {
      await ask(bench.port, seal(keyB, sequence));
      const frame = parseRtspFrame(await ask(bench.port, seal(keyA, sequence)));
      if (typeof frame === 'string') throw new Error(frame);
      expect(frame.sequence).toBe(sequence);
      expect(Buffer.from(openRtspFrame(frame, keyA, 'host') ?? []).toString()).toBe(OK);
    }
    expect([host.requests.length, other.requests.length]).toEqual([3, 3]);
    await other.stop();
  });

  it('serves a session whose address changed since its launch', async () => {
    await bench.addSession({ rikey: keyA, host, client: { address: '203.0.113.9' } });
    expect((await ask(bench.port, seal(keyA, 1))).length).toBeGreaterThan(0);
  });

  it('closes when two sessions have the same key', async () => {
    await bench.addSession({ id: 'a', rikey: keyA, host, tokens: tokensOf('a') });
    await bench.addSession({ id: 'b', rikey: keyA, host, tokens: tokensOf('b') });
    expect(await ask(bench.port, seal(keyA, 1))).toHaveLength(0);
    expect(await bench.refused('ambiguousFrame')).toBe(1);
  });

  it('takes sequences anew, and the old key no more, after a resume', async () => {
    await bench.addSession({ rikey: keyA, host });
    expect((await ask(bench.port, seal(keyA, 5))).length).toBeGreaterThan(0);
    await bench.addSession({ rikey: keyB, host, generation: 2 });
    expect((await ask(bench.port, seal(keyB, 1))).length).toBeGreaterThan(0);
    expect(await ask(bench.port, seal(keyA, 6))).toHaveLength(0);
  });

  it('passes over a session whose key does not unseal', async () => {
    const { keys } = sessionRow();
    await bench.sessions.put(sessionRow({ id: 'broken', state: 'ready', keys }));
    await bench.addSession({ rikey: keyA, host });
    expect((await ask(bench.port, seal(keyA, 1))).length).toBeGreaterThan(0);
  });

  it('closes on a frame whose message is no RTSP', async () => {
    await bench.addSession({ rikey: keyA, host });
    const frame = sealRtspFrame(Buffer.from('hello'), { key: keyA, sequence: 1, sender: 'client' });
    expect(await ask(bench.port, frame)).toHaveLength(0);
  });
});

describe('a host that fails', () => {
  const askA = async (port: number, address = LOOPBACK) => {
    await bench.addSession({ host: { port, address }, tokens: tokensOf('a') });
    return askText(bench.port, options('label-of-a'));
  };

  it('by refusing the connection: 503', async () => {
    const { port } = host;
    await host.stop();
    host = await startHost(() => OK);
    expect(await askA(port)).toBe(UNAVAILABLE);
    expect(await bench.refused('hostUnreachable')).toBe(1);
  });

  it('by silence: 503 after the time-out', async () => {
    await bench.stop();
    bench = await startBench({ ...PATIENT, hostTimeoutMs: 200 });
    const silent = await startSilentHost();
    expect(await askA(silent.port)).toBe(UNAVAILABLE);
    expect(await bench.refused('hostTimedOut')).toBe(1);
    await silent.stop();
  });

  it.each([
    { name: 'closing without an answer', answer: undefined, reason: 'hostUnreachable' as const },
    { name: 'talking nonsense', answer: 'HTTP/1.1 200 OK\r\n\r\n', reason: 'hostMalformed' as const },
    { name: 'talking without end', answer: 'x'.repeat(70_000), reason: 'hostMalformed' as const },
  ])('by $name: 503', async ({ answer, reason }) => {
    const bad = await startHost(() => answer);
    expect(await askA(bad.port)).toBe(UNAVAILABLE);
    expect(await bench.refused(reason)).toBe(1);
    await bad.stop();
  });

  it('by an address that is never dialled: 503', async () => {
    expect(await askA(host.port, '169.254.169.254')).toBe(UNAVAILABLE);
    expect(await bench.refused('hostForbidden')).toBe(1);
  });

  it('keeps nothing of it in the stream row', async () => {
    await askA(host.port, '169.254.169.254');
    expect(await bench.table.get('stream', 's1')).toBeUndefined();
  });

  it('refuses what its own reply refuses, and nothing more', async () => {
    const refusing = await startHost(() => 'RTSP/1.0 500 Sorry\r\nCSeq: 1\r\n\r\n');
    expect(await askA(refusing.port)).toBe('RTSP/1.0 500 Sorry\r\nCSeq: 1\r\n\r\n');
    await refusing.stop();
  });

  it('takes a reply as complete by its Content-length, though the host stays', async () => {
    const reply = 'RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-length: 3\r\n\r\nabc';
    const staying = await startHost(() => reply, undefined, { staysOpen: true });
    expect(await askA(staying.port)).toBe(reply);
    await staying.stop();
  });
});

describe('strangers', () => {
  const open = async (): Promise<Socket> => {
    const socket = connect(bench.port, LOOPBACK);
    socket.on('error', () => undefined).resume();
    await once(socket, 'connect');
    return socket;
  };

  it.each([
    { name: 'HTTP', text: 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' },
    { name: 'a lower-case method', text: 'options * RTSP/1.0\r\nCSeq: 1\r\n\r\n' },
    { name: 'more than one request', text: options() + options() },
    { name: 'a request without end', text: 'OPTIONS ' + 'x'.repeat(20_000) },
    { name: 'a body that was not announced', text: `${options()}body` },
    { name: 'a request that is smaller than its 454', text: 'A / RTSP/1.0\r\na: b\r\n\r\n' },
  ])('hear nothing for $name', async ({ text }) => {
    expect(await ask(bench.port, text)).toHaveLength(0);
  });

  it('hear nothing, or no more than they said, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
        const socket = connect({ port: bench.port, host: LOOPBACK, allowHalfOpen: true });
        let received = 0;
        socket.on('data', (chunk: Buffer) => (received += chunk.length)).on('error', () => undefined);
        socket.end(bytes);
        await once(socket, 'close');
        expect(received).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 100 },
    );
    expect(await askText(bench.port, options())).toBe(NOT_FOUND);
  });

  it('are cut off when a request takes too long, drop by drop or not at all', async () => {
    await bench.stop();
    bench = await startBench({ ...PATIENT, readTimeoutMs: 200 });
    const silent = await open();
    const dripping = await open();
    const drip = setInterval(() => dripping.write('O'), 20);
    // Neither a reset, met by a drop that is too late, nor having been closed before we look makes a difference.
    await expect.poll(() => silent.closed && dripping.closed).toBe(true);
    clearInterval(drip);
    expect(await bench.refused('timedOut')).toBe(2);
  });

  it('get no more than their share of connections', async () => {
    await bench.stop();
    bench = await startBench({
      connections: { perSourceMax: 3, max: 10, reserved: 0 },
      readTimeoutMs: 2_000,
    });
    const held = [await open(), await open(), await open()];
    expect(await ask(bench.port, options())).toHaveLength(0);
    expect(await bench.refused('tooManyConnections')).toBe(1);
    held[0]?.destroy();
    await expect.poll(() => askText(bench.port, options())).toBe(NOT_FOUND);
    for (const socket of held) socket.destroy();
  });

  it('together get no more than there are', async () => {
    await bench.stop();
    bench = await startBench({
      connections: { perSourceMax: 10, max: 2, reserved: 0 },
      readTimeoutMs: 2_000,
    });
    const held = [await open(), await open()];
    expect(await ask(bench.port, options())).toHaveLength(0);
    for (const socket of held) socket.destroy();
  });
});

describe('the order of row and reply', () => {
  it('answers nothing before the stream row is written', async () => {
    await bench.stop();
    const write = Promise.withResolvers<undefined>();
    bench = await startBench({}, {}, () => write.promise);
    await bench.addSession({ host, tokens: tokensOf('a') });
    let isAnswered = false;
    const asking = ask(bench.port, options('label-of-a')).finally(() => (isAnswered = true));
    await expect.poll(() => host.connections() === 0 && host.requests.length === 1).toBe(true);
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(isAnswered).toBe(false);
    write.resolve(undefined);
    expect((await asking).toString()).toBe(OK);
  });
});

describe('start and stop', () => {
  it('says which port is taken', async () => {
    const second = startBench({}, { port: bench.port });
    await expect(second).rejects.toMatchObject({ code: 'PORT_UNAVAILABLE' });
  });

  it('closes what is open, also in the middle of asking a host', async () => {
    const silent = await startSilentHost();
    await bench.addSession({ host: silent, tokens: tokensOf('a') });
    const asking = ask(bench.port, options('label-of-a'));
    await expect.poll(() => silent.connections()).toBe(1);
    await bench.stop();
    await bench.stop();
    expect(await asking).toHaveLength(0);
    await expect.poll(() => silent.connections()).toBe(0);
    await silent.stop();
  });
});
