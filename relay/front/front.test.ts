import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import pino from 'pino';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { readProxyHeader } from '../../core/protocol/proxy-protocol/header.ts';
import { checkProof, deriveProofKey } from '../../core/protocol/proxy-protocol/proof.ts';
import { createFront, type Front, type FrontDeps } from './front.ts';

const KEY = deriveProofKey(Buffer.alloc(32, 7));
const NOW = 1_795_000_000_000;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A proxy on an address of its own; answers each connection with its name, the header's word, and what it read. */
class TestProxy {
  readonly server: Server;
  readonly sockets = new Set<Socket>();

  constructor(address: string) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('close', () => this.sockets.delete(socket));
      const chunks: Buffer[] = [];
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.once('end', () => socket.end(JSON.stringify({ address, ...readingOf(Buffer.concat(chunks)) })));
    });
  }

  async listen(host: string, port: number): Promise<number> {
    this.server.listen({ host, port });
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }
}

function readingOf(bytes: Buffer) {
  const reading = readProxyHeader(bytes);
  if (reading.kind !== 'header') return { proof: reading.kind };
  const { header } = reading;
  return {
    proof: checkProof({ bytes: bytes.subarray(0, header.length), header }, KEY, NOW).kind,
    source: header.connection?.source,
    destination: header.connection?.destination,
    bytes: String(bytes.subarray(header.length)),
  };
}

interface Answer {
  address: string;
  proof: string;
  source: { address: string; port: number };
  destination: { address: string; port: number };
  bytes: string;
}

/** Proxies on 127.0.0.11 and so on, all on one port, and a front before them. */
async function build(count: number, changes: Partial<FrontDeps['config']['proxies']> = {}) {
  const addresses = Array.from({ length: count }, (_, index) => `127.0.0.${11 + index}`);
  const proxies = addresses.map((address) => new TestProxy(address));
  let port = 0;
  for (const [index, proxy] of proxies.entries()) {
    port = await proxy.listen(addresses[index] ?? '', port);
    closing.push(() => proxy.close());
  }
  const register = new Registry();
  const front = createFront({
    config: {
      bindAddress: '127.0.0.1',
      ports: { http: 0, https: 0, rtsp: 0 },
      proxies: { names: addresses, ports: { http: port, https: port, rtsp: port }, ...changes },
    },
    proofKey: KEY,
    isKnown: () => false,
    log: pino({ level: 'silent' }),
    register,
    now: () => NOW,
  });
  const ports = await start(front);
  const metric = async (name: string) =>
    (await register.getMetricsAsJSON()).find((each) => each.name === name)?.values ?? [];
  return { front, ports, proxies, port, metric };
}

function start(front: Front) {
  closing.push(() => front.stop());
  return front.start();
}

async function ask(port: number, bytes = ''): Promise<Answer | undefined> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(bytes);
  const answer = await text(socket).catch(() => '');
  return answer === '' ? undefined : (JSON.parse(answer) as Answer);
}

describe('createFront', () => {
  it('says whose connection it is, where it came in, and proves it', async () => {
    const { ports } = await build(1);
    for (const service of ['http', 'https', 'rtsp'] as const) {
      const answer = await ask(ports[service], 'OPTIONS');
      expect(answer).toMatchObject({ proof: 'good', bytes: 'OPTIONS' });
      expect(answer?.source.address).toBe('127.0.0.1');
      expect(answer?.destination).toEqual({ address: '127.0.0.1', port: ports[service] });
    }
  });

  it('gives each connection to the next proxy', async () => {
    const { ports } = await build(3);
    const asked = [];
    for (let index = 0; index < 6; index += 1) asked.push((await ask(ports.rtsp))?.address);
    expect(new Set(asked.slice(0, 3)).size).toBe(3);
    expect(asked.slice(3)).toEqual(asked.slice(0, 3));
  });

  it('goes to another proxy while one is away, and back when it has come back', async () => {
    const { ports, proxies, port, metric } = await build(2);
    await proxies[0]?.close();
    for (let index = 0; index < 4; index += 1) expect((await ask(ports.http))?.address).toBe('127.0.0.12');
    expect(await metric('gleipnir_relay_proxies')).toContainEqual({ labels: { state: 'down' }, value: 1 });
    await proxies[0]?.listen('127.0.0.11', port);
    await expect.poll(async () => (await ask(ports.http))?.address, { timeout: 5_000 }).toBe('127.0.0.11');
  });

  it('closes a connection that no proxy takes, counts it, and recovers', async () => {
    const { front, ports, proxies, port, metric } = await build(1);
    await proxies[0]?.close();
    expect(await ask(ports.https)).toBeUndefined();
    expect(await metric('gleipnir_relay_tcp_refused_total')).toContainEqual({
      labels: { service: 'https', reason: 'noProxy' },
      value: 1,
    });
    expect(front.isServed()).toBe(false);
    await proxies[0]?.listen('127.0.0.11', port);
    await expect.poll(() => front.isServed(), { timeout: 5_000 }).toBe(true);
    expect((await ask(ports.https))?.proof).toBe('good');
  });

  it('passes every byte both ways, however slowly one side reads', async () => {
    const SIZE = 16 * 1024 * 1024;
    const sink = createServer((socket) => socket.pipe(socket));
    sink.listen(0, '127.0.0.13');
    await once(sink, 'listening');
    closing.push(() => sink.close());
    const { port } = sink.address() as AddressInfo;
    const { ports } = await build(1, {
      names: ['127.0.0.13'],
      ports: { http: port, https: port, rtsp: port },
    });
    const client = connect({ port: ports.http, host: '127.0.0.1', allowHalfOpen: true });
    closing.push(() => client.destroy());
    client.end(Buffer.alloc(SIZE, 'x'));
    let received = 0;
    client.on('data', (chunk) => {
      received += chunk.length;
      client.pause();
      setImmediate(() => client.resume());
    });
    await once(client, 'end');
    expect(received).toBeGreaterThan(SIZE);
    expect(received).toBeLessThan(SIZE + 100);
  });

  it('breaks one side when the other breaks', async () => {
    const { ports, proxies } = await build(1);
    const client = connect({ port: ports.rtsp, host: '127.0.0.1' });
    client.on('error', () => undefined).resume();
    client.write('x');
    await expect.poll(() => proxies[0]?.sockets.size).toBe(1);
    for (const socket of proxies[0]?.sockets ?? []) socket.resetAndDestroy();
    await once(client, 'close');

    const other = connect({ port: ports.rtsp, host: '127.0.0.1' });
    other.write('x');
    await expect.poll(() => proxies[0]?.sockets.size).toBe(1);
    other.resetAndDestroy();
    await expect.poll(() => proxies[0]?.sockets.size).toBe(0);
  });

  it('turns a source away that has too many connections, and lets it in again', async () => {
    const { ports, metric } = await build(1);
    const open = Array.from({ length: 128 }, () => connect({ port: ports.rtsp, host: '127.0.0.1' }));
    closing.push(() => {
      for (const socket of open) socket.destroy();
    });
    await Promise.all(open.map((socket) => once(socket, 'connect')));
    expect(await ask(ports.rtsp)).toBeUndefined();
    expect(await metric('gleipnir_relay_tcp_refused_total')).toContainEqual({
      labels: { service: 'rtsp', reason: 'tooManyConnections' },
      value: 1,
    });
    expect(await ask(ports.http)).toMatchObject({ proof: 'good' });
    open[0]?.destroy();
    await expect.poll(() => ask(ports.rtsp)).toMatchObject({ proof: 'good' });
  });

  it('closes what is open when it stops', async () => {
    const { front, ports } = await build(1);
    const client = connect({ port: ports.http, host: '127.0.0.1' });
    client.on('error', () => undefined);
    await once(client, 'connect');
    await front.stop();
    if (!client.closed) await once(client.resume(), 'close');
    await expect(once(connect({ port: ports.http, host: '127.0.0.1' }), 'connect')).rejects.toThrow();
  });

  it('says which port cannot be bound', async () => {
    const { ports } = await build(0);
    const taken = createFront({
      config: {
        bindAddress: '127.0.0.1',
        ports: { ...ports, http: 0, rtsp: 0 },
        proxies: { names: [], ports },
      },
      proofKey: KEY,
      isKnown: () => false,
      log: pino({ level: 'silent' }),
      register: new Registry(),
      now: () => NOW,
    });
    closing.push(() => taken.stop());
    await expect(taken.start()).rejects.toMatchObject({
      code: 'PORT_UNAVAILABLE',
      details: { port: ports.https },
    });
  });
});
