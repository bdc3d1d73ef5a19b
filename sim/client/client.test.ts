/** The client against the simulated host, over real sockets. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClientCertificate, type Certificate } from '../../core/identity/certificate.ts';
import { createSimHost, type SimHost, type SimHostOptions } from '../host/host.ts';
import { SimClient, type SimClientOptions } from './client.ts';
import type { StreamReport } from './report.ts';

const PIN = '1234';
let identity: Certificate;

beforeAll(async () => {
  identity = await createClientCertificate();
});

describe('SimClient', () => {
  let host: SimHost;

  /** A busy machine sends fewer frames in a time; those it sends come, but for what is under way at the end. */
  function expectAllThatWasSent({ frames, lastFrameIndex }: StreamReport): void {
    const framesSent = host.sessions()[0]?.framesSent ?? Infinity;
    expect(frames).toBeGreaterThan(10);
    expect(framesSent - (lastFrameIndex ?? 0)).toBeLessThan(10);
  }

  let httpPort: number;

  async function start(options: SimHostOptions = {}): Promise<void> {
    host = createSimHost({ pairedCertificates: [identity.certificatePem], ...options });
    httpPort = (await host.start()).http;
  }

  const createClient = (options: Partial<SimClientOptions> = {}) =>
    new SimClient({ address: '127.0.0.1', httpPort, identity, ...options });

  /** Launches the first app. */
  async function launch(
    options: Partial<SimClientOptions> = {},
  ): Promise<{ client: SimClient; appId: number }> {
    const client = createClient(options);
    const [app] = await client.applist();
    if (app === undefined) throw new Error('no app');
    await client.launch(app.id);
    return { client, appId: app.id };
  }

  beforeEach(() => start());
  afterEach(() => host.stop());

  it('pairs, and knows the host from then on', async () => {
    const client = createClient({ identity: await createClientCertificate() });
    expect((await client.serverinfo()).isPaired).toBe(false);
    const pairing = client.pair(PIN);
    await expect.poll(() => host.enterPin(PIN)).toBe(true);
    await pairing;
    expect(client.hostCertificatePem).toBe(host.identity()?.certificatePem);
    expect((await client.serverinfo()).isPaired).toBe(true);
  });

  it('is told a wrong PIN', async () => {
    const client = createClient({ identity: await createClientCertificate() });
    const pairing = client.pair(PIN);
    const failed = expect(pairing).rejects.toMatchObject({ code: 'PIN_WRONG' });
    await expect.poll(() => host.enterPin('9999')).toBe(true);
    await failed;
  });

  it.each([
    {
      name: 'everything encrypted, above 15 Mbit/s',
      client: { bitrateKbps: 20_000, wantsVideoEncryption: true, wantsAudioEncryption: true },
      encryption: { rtsp: true, controlVersion: 'v2', video: true, audio: true },
    },
    {
      name: 'no more encryption than must be',
      client: { corever: undefined },
      encryption: { rtsp: false, controlVersion: 'v1', video: false, audio: false },
    },
  ])('streams with $name', async ({ client: options, encryption }) => {
    const { client } = await launch(options);
    const frames: Uint8Array[] = [];
    const report = await client.stream({
      seconds: 1.2,
      inputEveryMs: 50,
      onFrame: (annexB) => frames.push(annexB),
    });
    expect(report).toMatchObject({ encryption, end: 'stopped', termination: null });
    expect(report).toMatchObject({ framesLost: 0, foreignFrames: 0, videoMalformed: 0, videoRejected: 0 });
    expect(report).toMatchObject({
      audioLost: 0,
      audioUndecryptable: 0,
      controlUndecryptable: 0,
      firstFrameIndex: 1,
    });
    expectAllThatWasSent(report);
    expect(report.framesDecodable).toBe(frames.length);
    expect(report.lastFrameIndex).toBe(frames.length);
    expect(report.audioPackets).toBeGreaterThan(report.frames);
    expect(report.inputEventsSeen).toBeGreaterThan(0);
    expect(report.latencyMs?.p50).toBeGreaterThanOrEqual(0);
    await expect.poll(() => host.sessions()[0]?.isConnected).toBe(false);
  });

  it('survives moving all sockets, and 5 % loss', async () => {
    const { client } = await launch();
    const report = await client.stream({
      seconds: 2,
      rebindAtMs: 400,
      mediaLossPercent: 5,
      inputEveryMs: 20,
    });
    expect(report.end).toBe('stopped');
    expect(report.rebinds).toBe(1);
    expect(Object.values(report.recoveryMs)).not.toContain(null);
    expect(report.framesLost, 'a second of frames at most, until the host heard of it').toBeLessThan(60);
    expectAllThatWasSent(report);
    expect(report.fecRepaired).toBeGreaterThan(0);
    expect(report.audioRepaired).toBeGreaterThan(0);
    expect(report.inputEventsSeen).toBeGreaterThan(report.inputEventsSent / 2);
  });

  it('returns to its game with new keys', async () => {
    const { client, appId } = await launch();
    await client.stream({ seconds: 0.4 });
    const { rikeyid } = client.keys ?? {};
    expect((await client.serverinfo()).currentgame).toBe(appId);
    await client.resume(appId);
    expect(client.keys?.rikeyid).not.toBe(rikeyid);
    const report = await client.stream({ seconds: 0.6 });
    expect(report).toMatchObject({ foreignFrames: 0, framesLost: 0, end: 'stopped' });
    expect(report.frames).toBeGreaterThan(10);
    await client.quit();
    expect((await client.serverinfo()).currentgame).toBe(0);
  });

  it('ends when the host ends the game', async () => {
    const { client } = await launch();
    const connected = Promise.withResolvers<undefined>();
    const streaming = client.stream({
      onConnect: () => {
        connected.resolve(undefined);
      },
    });
    await connected.promise;
    await expect.poll(() => host.sessions()[0]?.isStreaming).toBe(true);
    host.endApp();
    const report = await streaming;
    expect(report).toMatchObject({ end: 'terminated', termination: '0x80030023' });
    expect(report.controlReceived['0x0109']).toBeGreaterThan(0);
  });

  it('ends on request, by signal, and without a word', async () => {
    for (const how of ['stop', 'vanish', 'signal'] as const) {
      const { client } = await launch();
      const abort = new AbortController();
      const end = () => {
        if (how === 'signal') abort.abort();
        else client[how]();
      };
      const report = await client.stream({ onConnect: end, signal: abort.signal });
      expect(report.end).toBe(how === 'vanish' ? 'vanished' : 'stopped');
      await client.cancel();
    }
  });

  it('fails in RTSP when nobody answers there, and before a launch', async () => {
    await expect(createClient().stream()).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
    const { client } = await launch();
    await host.stop();
    const abort = new AbortController();
    const streaming = client.stream({ signal: abort.signal });
    const failed = expect(streaming).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
    abort.abort();
    await failed;
  });
});
