import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { SOURCES_MAX } from '../../core/runtime/token-bucket.ts';
import { HTTP_LIMITS, KnownSources, type HttpLimitSettings } from './limits.ts';
import { letIn, parseRaw, startBench, type Bench } from './test-bench.ts';

const LOOPBACK = '127.0.0.1';
/** Linux answers for all of 127.0.0.0/8. */
const ELSEWHERE = '127.0.0.66';
const GET = 'GET /serverinfo HTTP/1.1\r\nHost: x\r\n\r\n';
const GET_AND_CLOSE = 'GET /serverinfo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const upTo = (burst: number) => ({ burst, perSecond: 0 });
const many = upTo(1_000);

let bench: Bench;
async function start(limits: Partial<HttpLimitSettings>): Promise<void> {
  bench = await startBench({ limits });
}
afterEach(() => bench.stop());

function open(from = LOOPBACK): Socket {
  const socket = connect({ port: bench.ports.http, host: LOOPBACK, localAddress: from });
  return socket.on('error', () => undefined);
}

async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString();
}

async function askHttp(from = LOOPBACK, bytes = GET_AND_CLOSE): Promise<string> {
  const socket = open(from);
  socket.write(bytes);
  return readAll(socket);
}

const isServed = async (from?: string) => (await askHttp(from)).includes('status_code="200"');

describe('new connections', () => {
  it('are limited by source', async () => {
    await start({ connectionRates: { perSource: upTo(2), all: many } });
    expect([await isServed(), await isServed(), await isServed()]).toEqual([true, true, false]);
    expect(await isServed(ELSEWHERE)).toBe(true);
    expect(await bench.refused('connectionsLimited')).toBe(1);
  });

  it('are limited in all, but for sources of paired clients, which have a reserve', async () => {
    // Pairing takes four connections over HTTP; HTTPS counts by itself.
    await start({ connectionRates: { perSource: many, all: upTo(6), reserve: many } });
    await letIn(bench, bench.clients[0]);
    while (await isServed(ELSEWHERE));
    expect(await bench.refused('connectionsLimited')).toBe(1);
    expect(await isServed(LOOPBACK), 'a client is paired there, and has said so over TLS').toBe(true);
  });

  it('leave room for sources of paired clients, while strangers hold all they may', async () => {
    await start({ connections: { perSourceMax: 10, max: 4, reserved: 2 } });
    await letIn(bench, bench.clients[0]);
    const held = [open(ELSEWHERE), open(ELSEWHERE), open(ELSEWHERE)];
    await Promise.all(held.map((socket) => once(socket.resume(), 'connect')));
    await expect.poll(() => bench.refused('tooManyConnections')).toBeGreaterThan(0);
    expect(await isServed(LOOPBACK)).toBe(true);
    for (const socket of held) socket.destroy();
  });
});

describe('requests', () => {
  it('of one connection are limited, in words', async () => {
    await start({ requestRates: { perSource: upTo(2), all: many } });
    const answer = await askHttp(LOOPBACK, GET + GET + GET + GET);
    expect(answer.match(/status_code="200"/g)).toHaveLength(2);
    expect(answer).toContain('status_code="503" status_message="Too many requests: try again in a moment"');
    expect(await bench.refused('requestsLimited')).toBeGreaterThan(0);
    expect(bench.logged()).not.toMatch(/"level":[456]0/);
  });
});

describe('first steps of pairing', () => {
  it('are limited in words, before anything is made of them', async () => {
    await start({ pairingRates: { perSource: upTo(2), all: many } });
    const step = `/pair?phrase=getservercert&salt=${'00'.repeat(16)}&clientcert=00`;
    const request = `GET ${step} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    const codes = [];
    for (let count = 0; count < 3; count += 1) {
      codes.push(parseRaw(await askHttp(LOOPBACK, request)).xml?.statusCode);
    }
    expect(codes).toEqual([400, 400, 503]);
    expect(await bench.refused('pairingLimited')).toBe(1);
    expect(await bench.refused('invalid')).toBe(2);
  });
});

describe('time-outs', () => {
  const SHORT = { requestTimeoutMs: 200, keepAliveTimeoutMs: 200, idleTimeoutMs: 2_000 };

  it.each([
    { name: 'nothing', bytes: '' },
    { name: 'half a request', bytes: 'GET /serverinfo HTTP/1.1\r\nHost: x\r\n' },
  ])('cut off who says $name', async ({ bytes }) => {
    await start(SHORT);
    expect(await askHttp(LOOPBACK, bytes)).toBe('');
    expect(await bench.refused('timedOut')).toBe(1);
  });

  it('cut off who drips', async () => {
    await start(SHORT);
    const socket = open();
    socket.write('GET /');
    const drip = setInterval(() => socket.write('x'), 20);
    await readAll(socket);
    clearInterval(drip);
    expect(await bench.refused('timedOut')).toBe(1);
  });

  it('cut off who does not go on with TLS, or with nothing after it', async () => {
    await start(SHORT);
    const silent = connect(bench.ports.https, LOOPBACK).on('error', () => undefined);
    await readAll(silent);
    const idle = connectTls({ port: bench.ports.https, host: LOOPBACK, rejectUnauthorized: false });
    await readAll(idle.on('error', () => undefined));
    expect(await bench.refused('timedOut')).toBe(2);
  });

  it('close a connection that is kept alive for nothing', async () => {
    await start(SHORT);
    const answer = await askHttp(LOOPBACK, GET);
    expect(answer).toContain('status_code="200"');
  });
});

describe('refusals', () => {
  it('are counted by reason, and not logged above debug', async () => {
    await start({});
    const tls = connect(bench.ports.https, LOOPBACK).on('error', () => undefined);
    tls.write(Buffer.alloc(300, 0x16));
    await readAll(tls);
    await askHttp(LOOPBACK, 'no http at all\r\n\r\n');
    await askHttp(LOOPBACK, `GET /${'x'.repeat(HTTP_LIMITS.headersMaxBytes)} HTTP/1.1\r\n\r\n`);
    await askHttp(LOOPBACK, 'GET /serverinfo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n');
    await askHttp(LOOPBACK, 'GET /nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await bench.clients[1].https('/applist');
    for (const reason of [
      'tlsFailed',
      'malformed',
      'headersTooLarge',
      'hasBody',
      'unknownPath',
      'notPaired',
    ] as const) {
      await expect.poll(() => bench.refused(reason), { message: reason }).toBe(1);
    }
    expect(bench.logged()).not.toMatch(/"level":[456]0/);
  });
});

describe('the standing limits', () => {
  it('serve fifty players of one address who launch within five seconds, at once', async () => {
    await start({});
    const served = await Promise.all(
      Array.from({ length: 50 }, async () => {
        let count = 0;
        for (let request = 0; request < 6; request += 1) if (await isServed()) count += 1;
        return count;
      }),
    );
    expect(served).toEqual(Array.from({ length: 50 }, () => 6));
  });
});

describe('KnownSources', () => {
  it('knows a source for a day, and so many at once', () => {
    let nowMs = 0;
    const known = new KnownSources(() => nowMs);
    known.add('2001:db8::1');
    expect([known.has('2001:db8::2'), known.has('192.0.2.1')]).toEqual([true, false]);
    nowMs = 24 * 3_600_000;
    expect(known.has('2001:db8::1')).toBe(false);
    known.add('192.0.2.1');
    for (let count = 0; count < SOURCES_MAX; count += 1) known.add(`10.0.${count >> 8}.${count & 0xff}`);
    expect(known.has('192.0.2.1')).toBe(false);
    expect(known.has('10.0.0.0')).toBe(true);
  });
});
