import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer, request as httpsRequest } from 'node:https';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { writeProxyHeader } from '../../core/protocol/proxy-protocol/header.ts';
import {
  deriveProofKey,
  PROOF_AGE_MS_MAX,
  writeProvenHeader,
} from '../../core/protocol/proxy-protocol/proof.ts';
import { createHostCertificate } from '../../core/identity/certificate.ts';
import { Origins } from './origins.ts';
import { WAITING_MAX, type HeaderRefusal, type ProxiedDeps } from './proxied.ts';

const KEY = deriveProofKey(Buffer.alloc(32, 7));
const NOW = 1_795_000_000_000;
const CONNECTION = {
  source: { address: '203.0.113.7', port: 50_000 },
  destination: { address: '198.51.100.1', port: 47_989 },
};
const CLIENT = { source: '203.0.113.7', local: '198.51.100.1' };
const OURSELVES = { source: '127.0.0.1', local: '127.0.0.1' };
const proven = (now = NOW, key = KEY) => Buffer.from(writeProvenHeader(CONNECTION, key, now));
const unproven = Buffer.from(writeProxyHeader(CONNECTION.source, CONNECTION.destination, 0));

const BELIEVING = { proofKey: KEY, isTrusted: () => false, now: () => NOW, refused: () => undefined };

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A server that answers each connection with what it was told of it, and the bytes that it read. */
async function echoing(changes: Partial<ProxiedDeps> = {}) {
  const refusals: HeaderRefusal[] = [];
  const origins = new Origins({
    proofKey: KEY,
    isTrusted: () => false,
    now: () => NOW,
    refused: (reason) => refusals.push(reason),
    ...changes,
  });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const origin = origins.of(socket);
    void text(socket).then((bytes) => socket.end(JSON.stringify({ origin, bytes })));
  });
  origins.attend(server);
  return { port: await listen(server), refusals };
}

/** Sends `chunks` one after another, each when the one before has gone, and ends. @returns the answer. */
async function ask(port: number, ...chunks: (Buffer | string)[]): Promise<unknown> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  for (const chunk of chunks)
    await new Promise<void>((sent) => socket.write(chunk, () => setImmediate(sent)));
  socket.end();
  const answer = await text(socket).catch(() => '');
  return answer === '' ? 'closed' : JSON.parse(answer);
}

describe('Origins', () => {
  it('takes the word of our relay, and leaves the bytes that follow', async () => {
    const { port, refusals } = await echoing();
    const answer = await ask(port, Buffer.concat([proven(), Buffer.from('OPTIONS rtsp://x RTSP/1.0')]));
    expect(answer).toEqual({ origin: CLIENT, bytes: 'OPTIONS rtsp://x RTSP/1.0' });
    expect(refusals).toEqual([]);
  });

  it('takes it in pieces, wherever it is cut', async () => {
    const header = proven();
    for (const cut of [1, 11, 12, 15, 16, 17, 27, 28, header.length - 1, header.length]) {
      const { port } = await echoing();
      const answer = await ask(port, header.subarray(0, cut), header.subarray(cut), 'x'.repeat(20));
      expect(answer, `cut at ${cut}`).toEqual({ origin: CLIENT, bytes: 'x'.repeat(20) });
    }
  });

  it.each([
    ['forged', proven(NOW, deriveProofKey(Buffer.alloc(32, 8)))],
    ['stale', proven(NOW - PROOF_AGE_MS_MAX - 1)],
    ['unproven', unproven],
  ] as const)('goes by the own source of a connection whose header is %s', async (reason, header) => {
    const { port, refusals } = await echoing();
    expect(await ask(port, header, 'GET /')).toEqual({ origin: OURSELVES, bytes: 'GET /' });
    expect(refusals).toEqual([reason]);
  });

  it('takes a proof once', async () => {
    const { port, refusals } = await echoing();
    expect(await ask(port, proven(), 'a')).toEqual({ origin: CLIENT, bytes: 'a' });
    expect(await ask(port, proven(), 'b')).toEqual({ origin: OURSELVES, bytes: 'b' });
    expect(await ask(port, proven(NOW + 1), 'c')).toEqual({ origin: CLIENT, bytes: 'c' });
    expect(refusals).toEqual(['replayed']);
  });

  it('takes the word of a trusted balancer without proof', async () => {
    const { port, refusals } = await echoing({ isTrusted: (address) => address === '127.0.0.1' });
    expect(await ask(port, unproven, 'x')).toEqual({ origin: CLIENT, bytes: 'x' });
    expect(refusals).toEqual([]);
  });

  it('serves a connection without a header as who it is', async () => {
    const { port, refusals } = await echoing();
    expect(await ask(port, 'GET /serverinfo HTTP/1.1\r\n')).toEqual({
      origin: OURSELVES,
      bytes: 'GET /serverinfo HTTP/1.1\r\n',
    });
    expect(await ask(port, 'short')).toEqual({ origin: OURSELVES, bytes: 'short' });
    expect(refusals).toEqual([]);
  });

  it('counts no header of version 1, which anybody can write', async () => {
    const { port } = await echoing({ isTrusted: () => true });
    const header = 'PROXY TCP4 203.0.113.7 198.51.100.1 50000 47989\r\n';
    expect(await ask(port, header)).toEqual({ origin: OURSELVES, bytes: header });
  });

  it('closes a connection whose header is cut or no header', async () => {
    const { port, refusals } = await echoing();
    for (const cut of [12, 15, 16, 20, 40]) expect(await ask(port, proven().subarray(0, cut))).toBe('closed');
    const malformed = proven();
    malformed[12] = 0x11;
    expect(await ask(port, malformed)).toBe('closed');
    expect(refusals).toEqual(Array(6).fill('malformed'));
  });

  it('closes a connection that takes too long to say its header', async () => {
    const { port, refusals } = await echoing();
    const socket = connect({ port, host: '127.0.0.1' });
    socket.write(proven().subarray(0, 20));
    await once(socket.resume(), 'close');
    expect(refusals).toEqual(['timedOut']);
  });

  it('lets no more connections wait for their header than it has room for', async () => {
    const { port, refusals } = await echoing();
    const silent = Array.from({ length: WAITING_MAX }, () => connect({ port, host: '127.0.0.1' }));
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    expect(await ask(port, proven(), 'x')).toBe('closed');
    expect(refusals).toContain('tooMany');
    for (const socket of silent) socket.destroy();
    await expect.poll(() => ask(port, proven(NOW + 1), 'x')).toEqual({ origin: CLIENT, bytes: 'x' });
  });

  it('forgets a connection that has closed', async () => {
    const origins = new Origins(BELIEVING);
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket.resume()));
    origins.attend(server);
    const port = await listen(server);
    const client = connect({ port, host: '127.0.0.1' });
    client.write(proven());
    await expect.poll(() => sockets.length).toBe(1);
    const [socket] = sockets;
    expect(socket && origins.of(socket)).toEqual(CLIENT);
    client.end();
    await expect.poll(() => socket && origins.of(socket).source).not.toBe(CLIENT.source);
  });

  it('stands before HTTP, several requests on one connection', async () => {
    const origins = new Origins(BELIEVING);
    const server = createHttpServer((request, response) => response.end(origins.of(request.socket).source));
    origins.attend(server);
    const socket = connect({ port: await listen(server), host: '127.0.0.1' });
    socket.write(Buffer.concat([proven(), Buffer.from('GET /a HTTP/1.1\r\nHost: x\r\n\r\n')]));
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(String(first)).toContain('203.0.113.7');
    socket.write('GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(await text(socket)).toContain('203.0.113.7');
  });

  it('stands before TLS', async () => {
    const { certificatePem, privateKeyPem } = await createHostCertificate('host');
    const origins = new Origins(BELIEVING);
    const server = createHttpsServer({ cert: certificatePem, key: privateKeyPem }, (request, response) =>
      response.end(JSON.stringify(origins.of(request.socket))),
    );
    origins.attend(server);
    const port = await listen(server);
    for (const [header, expected] of [
      [proven(), CLIENT],
      [Buffer.alloc(0), OURSELVES],
    ] as const) {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.write(header);
      const request = httpsRequest({
        createConnection: () => connectTls({ socket, rejectUnauthorized: false }),
      });
      request.end();
      const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
      expect(JSON.parse(await text(response))).toEqual(expected);
      socket.destroy();
    }
  });
});
