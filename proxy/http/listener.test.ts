import { constants } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../core/runtime/log.ts';
import { createHttpLimits, HTTP_LIMITS } from './limits.ts';
import { createListener } from './listener.ts';
import { launchQuery, letIn, parseRaw, startBench, type Bench } from './test-bench.ts';
import { Origins } from '../origin/origins.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
  await letIn(bench, bench.clients[0]);
});
afterAll(() => bench.stop());

/** Everything the server says on a connection until it closes it. */
async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString('utf8');
}

function sendRaw(bytes: string): Promise<string> {
  const socket = connect(bench.ports.http, '127.0.0.1');
  socket.write(bytes);
  return readAll(socket);
}

function openTls(options: { identity?: boolean; session?: Buffer; maxVersion?: 'TLSv1.2' } = {}): TLSSocket {
  const { certificatePem: cert, privateKeyPem: key } = bench.clients[0].identity;
  const { session, maxVersion } = options;
  return connectTls({
    host: '127.0.0.1',
    port: bench.ports.https,
    rejectUnauthorized: false,
    ...(options.identity === false ? {} : { cert, key }),
    ...(session === undefined ? {} : { session }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
  });
}

const GET_SERVERINFO = 'GET /serverinfo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

describe('the HTTP listener', () => {
  it.each(['/applist', '/appasset?appid=7', '/launch', '/resume', '/cancel', '/nope', '/', '//', '/%zz'])(
    'does not serve %s',
    async (path) => {
      const { head, xml } = parseRaw(
        await sendRaw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
      );
      expect(xml?.statusCode).toBeGreaterThanOrEqual(400);
      expect(head).toContain('application/xml');
    },
  );

  it.each([
    { name: 'noise', bytes: '\u0000\u0001\u0002\r\n\r\n' },
    { name: 'a TLS hello', bytes: '\u0016\u0003\u0001\u0002\u0000\r\n\r\n' },
    { name: 'a short line of no HTTP', bytes: 'HELO mail.example.org\r\n' },
  ])('closes on $name without a word, for any would be longer', async ({ bytes }) => {
    expect(await sendRaw(bytes)).toBe('');
  });

  it.each([
    { name: 'much noise', bytes: '\u0000'.repeat(400), status: 400 },
    {
      name: 'headers that are too long',
      bytes: `GET /pair?x=${'a'.repeat(HTTP_LIMITS.headersMaxBytes)} HTTP/1.1\r\n\r\n`,
      status: 431,
    },
  ])('answers $name shortly and closes', async ({ bytes, status }) => {
    const answer = await sendRaw(bytes);
    expect(answer.length).toBeLessThan(300);
    expect(parseRaw(answer).xml?.statusCode).toBe(status);
  });

  it('refuses a body unread', async () => {
    const answer = await sendRaw('GET /serverinfo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n');
    expect(parseRaw(answer)).toMatchObject({
      head: expect.stringContaining('onnection: close') as string,
      xml: { statusCode: 400, statusMessage: 'A request must not have a body' },
    });
  });

  it('keeps the connection for the next request', async () => {
    const socket = connect(bench.ports.http, '127.0.0.1');
    socket.write(GET_SERVERINFO.replace('Connection: close\r\n', '') + GET_SERVERINFO);
    const answer = await readAll(socket);
    expect(answer.match(/status_code="200"/g)).toHaveLength(2);
  });

  it('serves no more than its share of connections to one address', async () => {
    const sockets = Array.from({ length: HTTP_LIMITS.connections.perSourceMax }, () =>
      connect(bench.ports.http, '127.0.0.1'),
    );
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    expect(await sendRaw(GET_SERVERINFO)).toBe('');
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => sendRaw(GET_SERVERINFO)).toContain('status_code="200"');
  });

  it('says which port it cannot have', async () => {
    const taken = createListener({
      bindAddress: '127.0.0.1',
      port: bench.ports.http,
      limits: createHttpLimits({ register: new Registry() }),
      origins: new Origins(),
      log: createLogger('silent'),
    });
    await expect(taken.start()).rejects.toMatchObject({
      code: 'PORT_UNAVAILABLE',
      details: { address: '127.0.0.1', port: bench.ports.http },
    });
    await taken.stop();
  });
});

describe('createMoonlightHttp', () => {
  it('says which port it cannot have, and may be stopped then', async () => {
    const { https } = bench.ports;
    await expect(startBench({ httpsPort: https })).rejects.toMatchObject({
      code: 'PORT_UNAVAILABLE',
      details: { port: https },
    });
  });
});

describe('the HTTPS listener', () => {
  it('takes a client without certificate for a stranger', async () => {
    const socket = openTls({ identity: false });
    socket.write(GET_SERVERINFO);
    expect(parseRaw(await readAll(socket)).xml?.statusCode).toBe(401);
  });

  it.each([{ maxVersion: 'TLSv1.2' as const }, {}])('resumes no TLS session %o', async (version) => {
    const first = openTls(version);
    const sessions: Buffer[] = [];
    first.on('session', (session: Buffer) => sessions.push(session));
    first.write(GET_SERVERINFO);
    expect(parseRaw(await readAll(first)).xml?.fields['PairStatus']).toBe('1');

    const session = sessions.at(-1);
    const second = openTls({ ...version, ...(session === undefined ? {} : { session }) });
    await once(second, 'secureConnect');
    expect(second.isSessionReused()).toBe(false);
    second.write(GET_SERVERINFO);
    const answer = await readAll(second);
    expect(parseRaw(answer).xml?.fields['PairStatus']).toBe('1');
  });

  it('refuses old TLS', async () => {
    const socket = connectTls({
      host: '127.0.0.1',
      port: bench.ports.https,
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1.1',
      ciphers: 'ALL:@SECLEVEL=0',
      secureOptions: constants.SSL_OP_NO_TICKET,
    });
    expect(await readAll(socket)).toBe('');
    expect(socket.authorized).toBe(false);
  });

  it('serves the list of apps, and box art with its type', async () => {
    const [client, stranger] = bench.clients;
    bench.apps.splice(0, 1, { id: 7, title: 'Tom & "Jerry"', isHdrSupported: true });
    expect((await client.https('/applist')).apps).toEqual([
      { id: 7, title: 'Tom & "Jerry"', isHdrSupported: true },
    ]);
    const query = (appid: string) =>
      [
        ['appid', appid],
        ['AssetType', '2'],
        ['AssetIdx', '0'],
      ] as const;
    expect(await client.getBytes('/appasset', query('7'))).toMatchObject({
      status: 200,
      body: Buffer.from('png'),
    });
    expect((await client.getBytes('/appasset', query('8'))).status).toBe(404);
    expect((await client.https('/appasset', query('x'))).statusCode).toBe(400);
    expect((await stranger.https('/applist')).statusCode).toBe(401);
    expect((await stranger.https('/appasset', query('7'))).statusCode).toBe(401);
  });

  it('tells a person that the fault is ours, and the log what it is', async () => {
    const list = bench.sessions.list;
    bench.sessions.list = () => Promise.reject(new Error('disk on fire'));
    const answer = await bench.clients[0].https('/launch', launchQuery());
    bench.sessions.list = list;
    expect(answer).toMatchObject({
      statusCode: 500,
      statusMessage: 'Something went wrong here; see the log',
    });
    expect(bench.logged()).toContain('disk on fire');
  });
});
