/** The PROXY protocol header of our relay read by HAProxy and nginx, and HAProxy's by our proxy. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import pino from 'pino';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { deriveProofKey } from '../core/protocol/proxy-protocol/proof.ts';
import { Origins } from '../proxy/origin/origins.ts';
import { createFront } from '../relay/front/front.ts';
import { isInstalled, startBalancer, type BalancerName } from './support/balancer.ts';

const KEY = deriveProofKey(Buffer.alloc(32, 7));

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A relay's front before one service on this machine. @returns its port. */
async function startFront(port: number): Promise<number> {
  const front = createFront({
    config: {
      bindAddress: '127.0.0.1',
      ports: { http: 0, https: 0, rtsp: 0 },
      proxies: { names: ['127.0.0.1'], ports: { http: port, https: port, rtsp: port } },
    },
    proofKey: KEY,
    isKnown: () => false,
    log: pino({ level: 'silent' }),
    register: new Registry(),
    now: Date.now,
  });
  closing.push(() => front.stop());
  return (await front.start()).http;
}

/** @returns the port that it was asked from, and the answer's body. */
async function get(port: number): Promise<{ from: number; body: string }> {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  const from = socket.localPort ?? 0;
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const answer = await text(socket);
  return { from, body: answer.split('\r\n\r\n')[1] ?? '' };
}

const READERS: Record<BalancerName, (port: number, directory: string) => string> = {
  haproxy: (port) => `
    defaults
      mode http
      timeout connect 2s
      timeout client 2s
      timeout server 2s
    frontend in
      bind 127.0.0.1:${port} accept-proxy
      http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port]"
    `,
  nginx: (port, directory) => `
    daemon off;
    pid ${directory}/pid;
    events {}
    http {
      access_log off;
      client_body_temp_path ${directory}/a; proxy_temp_path ${directory}/b; fastcgi_temp_path ${directory}/c;
      uwsgi_temp_path ${directory}/d; scgi_temp_path ${directory}/e;
      server {
        listen 127.0.0.1:${port} proxy_protocol;
        return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port";
      }
    }
    `,
};

describe.each(['haproxy', 'nginx'] as const)('%s', (name) => {
  it.skipIf(!isInstalled(name))(`reads our header (needs ${name})`, async () => {
    const port = await freePort();
    const balancer = await startBalancer(name, (directory) => READERS[name](port, directory), [port]);
    closing.push(() => balancer.stop());
    const front = await startFront(port);
    const { from, body } = await get(front);
    expect(body).toBe(`127.0.0.1 ${from} 127.0.0.1 ${front}`);
  });
});

describe('our proxy', () => {
  const isTrusted = (address: string): boolean => address === '127.0.0.1';

  it.skipIf(!isInstalled('haproxy'))('reads the header of a trusted HAProxy (needs haproxy)', async () => {
    const origins = new Origins({ proofKey: KEY, isTrusted, now: Date.now, refused: () => undefined });
    const server: Server = createServer((request, response) =>
      response.end(origins.of(request.socket).source),
    );
    origins.attend(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => server.close());
    const { port: ours } = server.address() as AddressInfo;
    const port = await freePort();
    // What stands before HAProxy tells it an address that no socket of this test has.
    const config = `
      defaults
        mode tcp
        timeout connect 2s
        timeout client 2s
        timeout server 2s
      frontend in
        bind 127.0.0.1:${port}
        tcp-request connection set-src ipv4(203.0.113.7)
        default_backend out
      backend out
        server ours 127.0.0.1:${ours} send-proxy-v2
      `;
    const balancer = await startBalancer('haproxy', () => config, [port]);
    closing.push(() => balancer.stop());
    expect((await get(port)).body).toBe('203.0.113.7');
  });
});
