/**
 * Floods, in bounded numbers: while one client plays, strangers send everything that costs anything. The player's
 * stream loses nothing, the next client pairs and plays, and strangers get no more bytes than they sent.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createClientCertificate } from '../core/identity/certificate.ts';
import { HTTP_LIMITS } from '../proxy/http/limits.ts';
import { PENDING_PER_ADDRESS_MAX } from '../proxy/pairing/types.ts';
import { RTSP_LIMITS } from '../proxy/rtsp/limits.ts';
import type { SimClient } from '../sim/client/client.ts';
import type { StreamReport } from '../sim/client/report.ts';
import { openLab, type Lab } from './support/lab.ts';

const PLAYER = '127.0.0.1';
/** Linux answers for all of 127.0.0.0/8. */
const STRANGER = '127.0.0.66';
/** More than any flood takes; the player is stopped as soon as it is over. */
const SECONDS_MAX = 40;
/** How long to wait for what comes at once on an idle machine. */
const PATIENCE = { timeout: 30_000 };

let lab: Lab;
afterEach(() => lab.close());

/** Plays until `floods` are over. */
async function playDuring(floods: () => Promise<void>): Promise<StreamReport> {
  const player = await lab.createPairedClient();
  await launch(player);
  const streaming = player.stream({ seconds: SECONDS_MAX, inputEveryMs: 250 });
  const seen = (fact: 'framesSent' | 'inputEvents'): number => lab.hosts[0]?.sessions()[0]?.[fact] ?? 0;
  await expect.poll(() => seen('framesSent'), PATIENCE).toBeGreaterThan(30);
  await floods();
  const [frames, inputs] = [seen('framesSent'), seen('inputEvents')];
  await expect.poll(() => seen('framesSent'), PATIENCE).toBeGreaterThan(frames + 30);
  // Input comes in order: what is new now says that all before has come.
  await expect.poll(() => seen('inputEvents'), PATIENCE).toBeGreaterThan(inputs + 4);
  player.stop();
  const report = await streaming;
  await player.cancel();
  return report;
}

async function launch(client: SimClient): Promise<void> {
  const [app] = await client.applist();
  await client.launch(app?.id ?? 0);
}

function expectWhole(report: StreamReport): void {
  expect(report.frames).toBeGreaterThan(60);
  expect(report).toMatchObject({
    end: 'stopped',
    firstFrameIndex: 1,
    lastFrameIndex: report.frames,
    framesLost: 0,
    foreignFrames: 0,
    videoMalformed: 0,
    audioLost: 0,
    audioUndecryptable: 0,
  });
}

/** Nobody waits any more for what a stranger began, and whoever comes now pairs and plays. */
async function expectNextServed(): Promise<void> {
  const count = (text: string): number => lab.logLines.filter((line) => line.includes(text)).length;
  await expect
    .poll(() => count('"pairing ended"') + count('"client is paired"'), PATIENCE)
    .toBe(count('"client asks to pair"'));
  const next = await lab.createPairedClient();
  await launch(next);
  const report = await next.stream({ seconds: 1 });
  expect(report).toMatchObject({ framesLost: 0, foreignFrames: 0 });
  expect(report.frames).toBeGreaterThan(30);
  await next.cancel();
}

/** Refusals are counted, not logged: nothing above info may come of a flood. */
function expectQuietLog(): void {
  expect(lab.logLines.filter((line) => /"level":[456]0/.test(line))).toEqual([]);
  expect(lab.logLines.filter((line) => line.includes('"flow opened"'))).toHaveLength(2);
}

/** Every one of `reasons` was counted by `metric`. */
async function expectCounted(metric: string, reasons: readonly string[]): Promise<void> {
  const counts = await lab.metric(metric);
  for (const reason of reasons) expect(counts[reason], reason).toBeGreaterThan(0);
}

/** Sends `count` datagrams to `port`. @returns the bytes that came back. */
async function floodUdp(port: number, from: string, make: () => Buffer): Promise<number> {
  const socket = createSocket('udp4');
  let received = 0;
  socket.on('message', (datagram) => (received += datagram.length));
  socket.bind(0, from);
  await once(socket, 'listening');
  for (let count = 0; count < 2_000; count += 1) {
    await new Promise((resolve) => {
      socket.send(make(), port, PLAYER, resolve);
    });
  }
  socket.close();
  return received;
}

const ping = (): Buffer => Buffer.concat([randomBytes(16), Buffer.from([0, 0, 0, 1])]);
const legacyPing = (): Buffer => Buffer.from('PING');
/** An ENet CONNECT with random connectID and connect data. */
function connectDatagram(): Buffer {
  const datagram = Buffer.alloc(52);
  datagram.writeUInt16BE(0x8fff, 0);
  datagram.writeUInt8(0x82, 4);
  randomBytes(8).copy(datagram, 44);
  return datagram;
}
/** A reliable message of a random peer id, encrypted under nobody's key. */
function controlDatagram(): Buffer {
  const datagram = randomBytes(60);
  datagram.writeUInt16BE(0x8000 | (datagram.readUInt16BE(0) & 0x3fff), 0);
  datagram.writeUInt8(0x86, 4);
  datagram.writeUInt16BE(datagram.length - 10, 8);
  datagram.writeUInt16LE(1, 10);
  return datagram;
}

/** A stranger's TCP connection, and how many bytes went each way. */
interface Visit {
  socket: Socket;
  closed: Promise<unknown>;
  received: () => number;
}

function visit(port: number, bytes: Uint8Array | string): Visit {
  const socket = connect({ port, host: PLAYER, localAddress: STRANGER });
  let received = 0;
  socket.on('data', (chunk: Buffer) => (received += chunk.length));
  socket.on('error', () => undefined);
  if (bytes.length > 0) socket.write(bytes);
  return {
    socket,
    closed: new Promise((resolve) => socket.once('close', resolve)),
    received: () => received,
  };
}

/** Opens `count` connections, each with one message, and waits until the other side has closed all. */
async function visitAll(port: number, count: number, make: () => Uint8Array | string): Promise<void> {
  let [sent, received] = [0, 0];
  for (let done = 0; done < count; done += 20) {
    const visits = Array.from({ length: 20 }, () => {
      const bytes = make();
      sent += bytes.length;
      const each = visit(port, bytes);
      each.socket.end();
      return each;
    });
    await Promise.all(visits.map(({ closed }) => closed));
    for (const each of visits) received += each.received();
  }
  expect(received).toBeLessThanOrEqual(sent);
}

/** Opens `count` connections that say `bytes` and then nothing. @returns them, once all are open or turned away. */
async function hold(
  port: number,
  count: number,
  bytes: string,
): Promise<{ open: () => number; visits: Visit[] }> {
  const visits = Array.from({ length: count }, () => visit(port, bytes));
  await Promise.all(visits.map(({ socket, closed }) => Promise.race([once(socket, 'connect'), closed])));
  let open = count;
  for (const { closed } of visits) void closed.then(() => (open -= 1));
  return { open: () => open, visits };
}

const rtspFrame = (): Buffer => {
  const frame = randomBytes(24 + 100);
  frame.writeUInt32BE(0x8000_0064, 0);
  frame.writeUInt32BE(1, 4);
  return frame;
};
const OPTIONS = 'OPTIONS rtsp://0.0.0.0:48010 RTSP/1.0\r\nCSeq: 1\r\nX-GS-ClientVersion: 14\r\n\r\n';

/** First steps of pairing, each with another certificate: that of a client with a changed signature. */
async function firstSteps(count: number): Promise<string[]> {
  const { certificatePem } = await createClientCertificate();
  const der = Buffer.from(certificatePem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return Array.from({ length: count }, () => {
    randomBytes(64).copy(der, der.length - 64);
    const pem = `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
    const query = `phrase=getservercert&salt=${'0'.repeat(32)}&clientcert=${Buffer.from(pem).toString('hex')}`;
    return `GET /pair?${query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
  });
}

describe('while a client plays', () => {
  it('datagrams of every kind get no answer, and cost it nothing', async () => {
    lab = await openLab();
    const { control, video, audio } = lab.ports;
    const report = await playDuring(async () => {
      const received = [];
      for (const from of [STRANGER, PLAYER]) {
        received.push(await floodUdp(video, from, ping));
        received.push(await floodUdp(audio, from, legacyPing));
        received.push(await floodUdp(control, from, connectDatagram));
        received.push(await floodUdp(control, from, controlDatagram));
      }
      expect(received).toEqual(received.map(() => 0));
      const flows = Object.values(await lab.metric('gleipnir_relay_flows'));
      expect(flows.reduce((sum, count) => sum + count, 0)).toBe(1);
    });
    expectWhole(report);
    const reasons = ['unknownPing', 'legacyPing', 'unknownConnect', 'connectLimited', 'unknownLabel'];
    await expectCounted('gleipnir_relay_dropped_total', reasons);
    await expectNextServed();
    expectQuietLog();
  });

  it('RTSP of strangers gets no more than it gave, and half-open RTSP no more than its share', async () => {
    lab = await openLab();
    const { rtsp } = lab.ports;
    const report = await playDuring(async () => {
      await visitAll(rtsp, 200, () => OPTIONS);
      await visitAll(rtsp, 200, rtspFrame);
      await visitAll(rtsp, 100, () => randomBytes(200));
      const { perSourceMax } = RTSP_LIMITS.connections;
      const { open, visits } = await hold(rtsp, perSourceMax + 100, 'OPTIONS rtsp');
      await expect.poll(open, PATIENCE).toBeLessThanOrEqual(perSourceMax);
      await Promise.all(visits.map(({ closed }) => closed));
      expect(visits.map(({ received }) => received())).toEqual(visits.map(() => 0));
    });
    expectWhole(report);
    const reasons = ['unidentified', 'foreignFrame', 'tooManyConnections', 'timedOut'];
    await expectCounted('gleipnir_proxy_rtsp_refused_total', reasons);
    await expectNextServed();
    expectQuietLog();
  });

  it('first steps of pairing from one address are few, and pass', async () => {
    lab = await openLab();
    const requests = await firstSteps(100);
    const report = await playDuring(async () => {
      const visits = requests.map((request) => visit(lab.ports.http, request));
      const answered = (): number => visits.filter(({ received }) => received() > 0).length;
      await expect.poll(answered, PATIENCE).toBe(requests.length - PENDING_PER_ADDRESS_MAX);
      for (const { socket } of visits) socket.destroy();
    });
    expectWhole(report);
    const asked = lab.logLines.filter((line) => line.includes('"client asks to pair"'));
    expect(asked).toHaveLength(PENDING_PER_ADDRESS_MAX + 1);
    await expectCounted('gleipnir_proxy_http_refused_total', ['pairingLimited', 'busy']);
    await expectNextServed();
    expectQuietLog();
  });

  it('garbage in TLS and HTTP, and silence there, cost it nothing', async () => {
    lab = await openLab();
    const { http, https } = lab.ports;
    const report = await playDuring(async () => {
      await visitAll(https, 200, () => randomBytes(300));
      await visitAll(http, 100, () => randomBytes(300));
      await visitAll(http, 100, () => `GET /${'x'.repeat(HTTP_LIMITS.headersMaxBytes)} HTTP/1.1\r\n\r\n`);
      const { perSourceMax } = HTTP_LIMITS.connections;
      for (const port of [http, https]) {
        const { open, visits } = await hold(port, perSourceMax + 50, '');
        await expect.poll(open, PATIENCE).toBeLessThanOrEqual(perSourceMax);
        for (const { socket } of visits) socket.destroy();
      }
    });
    expectWhole(report);
    const reasons = ['tlsFailed', 'malformed', 'headersTooLarge', 'tooManyConnections'];
    await expectCounted('gleipnir_proxy_http_refused_total', reasons);
    await expectNextServed();
    expectQuietLog();
  });
});
