import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { createSocket } from 'node:dgram';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createHostDriver } from '../../core/host/driver.ts';
import { PairingQueue } from '../../core/host/pairing-queue.ts';
import type { HostDriver, LaunchAnswer } from '../../core/host/types.ts';
import {
  createClientCertificate,
  createHostCertificate,
  type Certificate,
} from '../../core/identity/certificate.ts';
import { parseMoonlightXml } from '../../core/protocol/moonlight/xml.ts';
import { openRtspFrame, parseRtspFrame, sealRtspFrame } from '../../core/protocol/rtsp/encryption.ts';
import { createLogger } from '../../core/runtime/log.ts';
import { readCapture } from '../../test/support/captures.ts';
import { WOLF_HABITS } from './habits.ts';
import { createSimHost, type BoundPorts, type SimHost, type SimHostOptions } from './host.ts';

interface Exchange {
  id: string;
  response: { statusLine: string; body: string; bytesAfterContentLength?: string } | null;
}
const recorded = readCapture<{ groups: { exchanges: Exchange[] }[] }>('http').groups.flatMap(
  (group) => group.exchanges,
);
const APP = 1_234_567_890;
const RIKEY = Buffer.alloc(16, 9);
const REQUEST = { appId: APP, rikey: RIKEY, rikeyid: -3, parameters: { mode: '1280x720x60' } };
const QUERY = `appid=${APP}&mode=1280x720x60&rikey=${RIKEY.toString('hex')}&rikeyid=-3`;

let hostIdentity: Certificate;
let [alice, bob]: Certificate[] = [];
const running: SimHost[] = [];

beforeAll(async () => {
  hostIdentity = await createHostCertificate('Test host');
  [alice, bob] = await Promise.all([createClientCertificate(), createClientCertificate()]);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((host) => host.stop()));
});
afterAll(() => {
  expect(running).toEqual([]);
});

function identityOf(name: 'alice' | 'bob'): Certificate {
  const identity = name === 'alice' ? alice : bob;
  if (identity === undefined) throw new Error('not made yet');
  return identity;
}

async function startHost(options: SimHostOptions = {}): Promise<{ host: SimHost; ports: BoundPorts }> {
  const host = createSimHost({ identity: hostIdentity, ...options });
  running.push(host);
  return { host, ports: await host.start() };
}

/** A host that knows Alice, and a driver that is Alice (or Bob). */
async function startPaired(options: SimHostOptions = {}) {
  const pairedCertificates = [identityOf('alice').certificatePem, identityOf('bob').certificatePem];
  const { host, ports } = await startHost({ pairedCertificates, ...options });
  return { host, ports, alice: driverOf(ports, 'alice'), bob: driverOf(ports, 'bob') };
}

function driverOf(
  ports: BoundPorts,
  name: 'alice' | 'bob',
  pinned: string | undefined = hostIdentity.certificatePem,
) {
  let hostCertificatePem: string | undefined = pinned;
  return createHostDriver({
    hostName: 'sim',
    endpoint: { address: '127.0.0.1', httpPort: ports.http },
    identity: {
      identity: identityOf(name),
      get hostCertificatePem() {
        return hostCertificatePem;
      },
      setHostCertificate: (pem: string) => {
        hostCertificatePem = pem;
        return Promise.resolve();
      },
    },
    pairingQueue: new PairingQueue(),
    log: createLogger('silent'),
  });
}

/** Everything that comes back on a TLS connection of Alice's until the host closes it, and the connection. */
async function ask(
  ports: BoundPorts,
  path: string,
  session?: Buffer,
): Promise<{ text: string; socket: TLSSocket }> {
  const socket = connectTls({
    port: ports.https,
    host: '127.0.0.1',
    cert: identityOf('alice').certificatePem,
    key: identityOf('alice').privateKeyPem,
    rejectUnauthorized: false,
    ...(session && { session }),
  });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await once(socket, 'end');
  socket.destroy();
  return { text: Buffer.concat(chunks).toString(), socket };
}

/** One RTSP exchange, as a client does it: until the host closes. */
async function rtsp(answer: Pick<LaunchAnswer, 'rtspPort'>, bytes: Uint8Array): Promise<Buffer> {
  const socket = connectTcp(answer.rtspPort, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  for (let offset = 0; offset < bytes.length; offset += 50) socket.write(bytes.subarray(offset, offset + 50));
  await once(socket, 'close');
  return Buffer.concat(chunks);
}

async function tryPair(host: SimHost, driver: HostDriver, typed: string): Promise<void> {
  const paired = driver.pair('1234', AbortSignal.timeout(5000));
  paired.catch(() => undefined);
  await expect.poll(() => host.pendingPairings()).toBe(1);
  expect(host.enterPin(typed)).toBe(true);
  await paired;
}

describe('pairing', () => {
  it('pairs a client whose PIN was typed, and lets it in from then on', async () => {
    const { host, ports } = await startHost();
    const driver = driverOf(ports, 'alice', '');
    expect((await driverOf(ports, 'alice').serverinfo()).isPaired).toBe(false);
    await tryPair(host, driver, '1234');
    expect(await driverOf(ports, 'alice').serverinfo()).toMatchObject({ isPaired: true, isBusy: false });
    expect((await driverOf(ports, 'bob').serverinfo()).isPaired).toBe(false);
  });

  it('refuses a wrong PIN', async () => {
    const { host, ports } = await startHost();
    await expect(tryPair(host, driverOf(ports, 'alice', ''), '9999')).rejects.toMatchObject({
      code: 'PIN_WRONG',
    });
    expect((await driverOf(ports, 'alice').serverinfo()).isPaired).toBe(false);
  });

  it('forgets clients that gave up, and says when nobody waits', async () => {
    const { host, ports } = await startHost();
    const patience = new AbortController();
    const paired = driverOf(ports, 'alice', '').pair('1234', patience.signal);
    await expect.poll(() => host.pendingPairings()).toBe(1);
    patience.abort();
    await expect(paired).rejects.toThrow();
    await expect.poll(() => host.pendingPairings()).toBe(0);
    expect(host.enterPin('1234')).toBe(false);
  });
});

describe('HTTP', () => {
  it('offers its apps and their art', async () => {
    const { alice: driver } = await startPaired();
    expect((await driver.applist()).apps).toEqual([{ id: APP, title: 'Test card', isHdrSupported: false }]);
    expect(await driver.appasset(APP)).toMatchObject({ type: 'image/png' });
  });

  it('tells a paired client its own game', async () => {
    const { host, alice: first, bob: second } = await startPaired();
    await first.launch(REQUEST);
    expect(await first.serverinfo()).toMatchObject({ isBusy: true, currentgame: APP });
    expect(await second.serverinfo()).toMatchObject({ isBusy: false, currentgame: 0 });
    await second.launch(REQUEST);
    expect(host.sessions().map(({ appId, rikeyid }) => [appId, rikeyid])).toEqual([
      [APP, -3],
      [APP, -3],
    ]);
    await first.cancel();
    expect(host.sessions()).toHaveLength(1);
    host.endApp();
    expect(host.sessions()).toEqual([]);
  });

  it('refuses what it cannot do: unknown app, nothing to resume, one session more, anything but pairing in the clear', async () => {
    const { alice: first, bob: second, ports } = await startPaired({ sessionsMax: 1 });
    await expect(first.resume(REQUEST)).rejects.toThrow();
    await expect(first.launch({ ...REQUEST, appId: 5 })).rejects.toThrow();
    await first.launch(REQUEST);
    await expect(second.launch(REQUEST)).rejects.toMatchObject({ code: 'HOST_BUSY' });
    const response = await fetch(`http://127.0.0.1:${ports.http}/launch`);
    expect(response.status).toBe(404);
  });

  it('refuses a second launch of one client in words', async () => {
    const { ports } = await startPaired({ habits: { closeWithoutNotice: true } });
    await ask(ports, `/launch?${QUERY}`);
    const { text } = await ask(ports, `/launch?${QUERY}`);
    expect(text).toContain('HTTP/1.1 200 OK');
    expect(text).toContain('status_code="400" status_message="An app is already running"');
  });

  it.each([
    { id: 'serverinfo-unpaired-certificate', path: '/serverinfo', isPaired: false },
    { id: '10mbit-serverinfo-https-free', path: '/serverinfo', isPaired: true },
    { id: '10mbit-launch', path: `/launch?${QUERY}`, isPaired: true },
    { id: 'launch-while-running-other-app', path: `/launch?${QUERY}`, isPaired: true, launchFirst: true },
    { id: '10mbit-resume', path: `/resume?${QUERY}`, isPaired: true, launchFirst: true },
    { id: '10mbit-cancel', path: '/cancel', isPaired: true },
    { id: 'launch-unpaired-certificate', path: `/launch?${QUERY}`, isPaired: false },
  ])('as Wolf, answers as recorded: $id', async ({ id, path, isPaired, launchFirst }) => {
    const pairedCertificates = isPaired ? [identityOf('alice').certificatePem] : [];
    const { ports } = await startHost({ habits: WOLF_HABITS, pairedCertificates });
    if (launchFirst) await ask(ports, `/launch?${QUERY}`);
    const { text } = await ask(ports, path);
    const like = recorded.find((exchange) => exchange.id === id);
    const [head = '', rest = ''] = text.split(/\r\n\r\n(.*)/s);
    const length = Number(/^Content-Length: (\d+)$/m.exec(head)?.[1]);
    expect(head.split('\r\n').map((line) => line.replace(/\d+$/, ''))).toEqual([
      like?.response?.statusLine,
      'Content-Length: ',
    ]);
    expect(rest.slice(length)).toBe(like?.response?.bytesAfterContentLength ?? '');
    const [made, wanted] = [rest.slice(0, length), like?.response?.body ?? ''].map(parseMoonlightXml);
    expect(made?.statusCode).toBe(wanted?.statusCode);
    expect(made?.statusMessage).toBe(wanted?.statusMessage);
    expect(Object.keys(made?.fields ?? {})).toEqual(Object.keys(wanted?.fields ?? {}));
  });

  it.each([
    {
      name: 'takes a client that resumes its TLS session',
      habits: { closeWithoutNotice: true },
      isServed: true,
    },
    { name: 'as Wolf, refuses it', habits: WOLF_HABITS, isServed: false },
  ])('$name', async ({ habits, isServed }) => {
    const { ports } = await startPaired({ habits });
    const sessions: Buffer[] = [];
    const socket = connectTls({
      port: ports.https,
      host: '127.0.0.1',
      cert: identityOf('alice').certificatePem,
      key: identityOf('alice').privateKeyPem,
      rejectUnauthorized: false,
    });
    socket.on('session', (session: Buffer) => sessions.push(session));
    socket.on('data', () => undefined);
    socket.write('GET /serverinfo HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'end');
    socket.destroy();
    const again = ask(ports, '/serverinfo', sessions[0]).then(({ text }) => text);
    if (isServed) expect(await again).toContain('<PairStatus>1</PairStatus>');
    else await expect(again).rejects.toThrow(/alert internal error|ECONNRESET/);
  });

  it('survives what is no HTTP and no TLS', async () => {
    const { ports, alice: driver } = await startPaired();
    for (const port of [ports.http, ports.https]) {
      const socket = connectTcp(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.resume();
      socket.end(Buffer.alloc(3000, 0x41));
      await once(socket, 'close');
    }
    expect((await driver.serverinfo()).isPaired).toBe(true);
  });
});

describe('RTSP', () => {
  const options = (label: string) =>
    Buffer.from(`OPTIONS rtsp://${label}:1 RTSP/1.0\r\nCSeq: 1\r\nHost: ${label}\r\n\r\n`);

  it('answers plain text to the label, and 454 to strangers', async () => {
    const { alice: driver } = await startPaired();
    const answer = await driver.launch(REQUEST);
    expect(answer.encrypted).toBe(false);
    expect((await rtsp(answer, options(answer.label))).toString()).toBe('RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n');
    expect((await rtsp(answer, options('0.0.0.0'))).toString()).toContain(' 200 ');
    expect((await rtsp(answer, options('192.0.2.1'))).toString()).toContain(' 454 ');
  });

  it('answers encrypted requests under the number of the request, and only those', async () => {
    const { alice: driver } = await startPaired();
    const parameters = { ...REQUEST.parameters, corever: '1' };
    const answer = await driver.launch({ ...REQUEST, parameters });
    expect(answer.encrypted).toBe(true);
    const sealed = sealRtspFrame(options('0.0.0.0'), { key: RIKEY, sequence: 5, sender: 'client' });
    const frame = parseRtspFrame(await rtsp(answer, sealed));
    if (typeof frame === 'string') throw new Error(frame);
    expect(frame.sequence).toBe(5);
    const opened = openRtspFrame(frame, RIKEY, 'host');
    expect(Buffer.from(opened ?? []).toString()).toBe('RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n');

    expect((await rtsp(answer, options(answer.label))).toString()).toContain(' 454 ');
    const foreign = sealRtspFrame(options('0.0.0.0'), {
      key: Buffer.alloc(16),
      sequence: 1,
      sender: 'client',
    });
    expect(await rtsp(answer, foreign)).toHaveLength(0);
    expect(await rtsp(answer, Buffer.from('\r\n\r\n'))).toHaveLength(0);
  });

  it('as Wolf, offers no encryption and says nothing to strangers', async () => {
    const { alice: driver } = await startPaired({ habits: WOLF_HABITS });
    const answer = await driver.launch({ ...REQUEST, parameters: { ...REQUEST.parameters, corever: '1' } });
    expect(answer.encrypted).toBe(false);
    expect(await rtsp(answer, options('192.0.2.1'))).toHaveLength(0);
  });
});

describe('ports', () => {
  it('says which port is not free, and frees the others', async () => {
    const blocker = createSocket('udp4');
    blocker.bind(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = blocker.address();
    const host = createSimHost({ identity: hostIdentity, ports: { audio: port } });
    await expect(host.start()).rejects.toMatchObject({ code: 'PORT_UNAVAILABLE', details: { port } });
    blocker.close();
    await host.stop();
  });

  it('can be stopped at any time, and has an identity of its own if it was given none', async () => {
    const host = createSimHost();
    await host.stop();
    await host.start();
    expect(host.identity()?.certificatePem).toContain('BEGIN CERTIFICATE');
    await host.stop();
    await host.stop();
  });
});
