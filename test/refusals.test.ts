/** What goes wrong for people and what strangers try: clear words or silence, and the next client is served. */
import { createSocket } from 'node:dgram';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openLab, type Lab, type LabOptions } from './support/lab.ts';

let lab: Lab | undefined;

async function open(options?: LabOptions): Promise<Lab> {
  lab = await openLab(options);
  return lab;
}

afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

/** What a person would read in the client. */
const words = (message: RegExp): object => ({
  details: expect.objectContaining({ message: expect.stringMatching(message) as string }) as object,
});

async function expectServed({ createPairedClient }: Lab): Promise<void> {
  const client = await createPairedClient();
  const [app] = await client.applist();
  await client.launch(app?.id ?? 0);
  const report = await client.stream({ seconds: 1 });
  expect(report).toMatchObject({ framesLost: 0, foreignFrames: 0 });
  expect(report.frames).toBeGreaterThan(50);
  await client.cancel();
}

describe('refusals', () => {
  it('tells a client that is not paired so, and nothing else', async () => {
    const { createClient } = await open();
    const client = await createClient();
    expect((await client.serverinfo()).isPaired).toBe(false);
    await expect(client.applist()).rejects.toMatchObject({ code: 'HOST_NOT_PAIRED' });
    await expect(client.launch(1)).rejects.toMatchObject({ code: 'HOST_NOT_PAIRED' });
    await expect(client.cancel()).rejects.toMatchObject({ code: 'HOST_NOT_PAIRED' });
  });

  it('refuses a wrong PIN and pairs with the right one afterwards', async () => {
    const { createClient, typePin } = await open();
    const client = await createClient();
    const [pairing, page] = await Promise.allSettled([client.pair('1234'), typePin('4321')]);
    expect(pairing).toMatchObject({ status: 'rejected', reason: { code: 'PIN_WRONG' } });
    expect(page).toMatchObject({ status: 'fulfilled', value: expect.stringMatching(/wrong/i) as string });
    expect((await client.serverinfo()).isPaired).toBe(false);
    await Promise.all([client.pair('1234'), typePin('1234')]);
    expect((await client.serverinfo()).isPaired).toBe(true);
  });

  it('says in words that an app does not exist, and keeps no session of it', async () => {
    const opened = await open();
    const client = await opened.createPairedClient();
    await expect(client.launch(4711)).rejects.toMatchObject(words(/exist/));
    expect((await client.serverinfo()).isBusy).toBe(false);
    await expectServed(opened);
  });

  it('says that nothing can be resumed', async () => {
    const { createPairedClient } = await open();
    const client = await createPairedClient();
    await expect(client.resume(1)).rejects.toMatchObject({ code: 'HOST_REFUSED' });
  });

  it('says that every machine is busy, and serves the client once one is free', async () => {
    const { createPairedClient } = await open({ capacity: 1 });
    const [one, other] = [await createPairedClient(), await createPairedClient()];
    const [app] = await one.applist();
    await one.launch(app?.id ?? 0);
    await expect(other.launch(app?.id ?? 0)).rejects.toMatchObject(words(/free/));
    expect((await other.serverinfo()).isBusy).toBe(false);
    await one.cancel();
    await other.launch(app?.id ?? 0);
    await other.cancel();
  });

  it('says that the host does not answer, and plays on another one', async () => {
    const opened = await open({ hosts: [{}, {}], capacity: 1 });
    const client = await opened.createPairedClient();
    const [app] = await client.applist();
    await opened.hosts[0]?.stop();
    const attempts = await Promise.allSettled([client.launch(app?.id ?? 0)]);
    for (const attempt of attempts) {
      if (attempt.status === 'rejected') expect(attempt.reason).toMatchObject(words(/answer|reach/));
    }
    await expectServedSoon(client, app?.id ?? 0);
  });
});

/** A host that is down is noticed by its watch within seconds; until then a launch may still be sent there. */
async function expectServedSoon(
  client: Awaited<ReturnType<Lab['createClient']>>,
  appId: number,
): Promise<void> {
  await expect
    .poll(
      () =>
        client.launch(appId).then(
          () => 'launched',
          () => 'refused',
        ),
      { timeout: 30_000, interval: 500 },
    )
    .toBe('launched');
  await client.cancel();
}

describe('garbage', () => {
  it('gets nothing back on any port, and does not disturb the next client', async () => {
    const opened = await open();
    const { ports } = opened;
    for (const port of [ports.http, ports.https, ports.rtsp, ports.web]) await sendTcpGarbage(port);
    const replies = await sendUdpGarbage([ports.control, ports.video, ports.audio]);
    expect(replies).toBe(0);
    await expectServed(opened);
    expect(opened.logLines.filter((line) => /"level":60/.test(line))).toEqual([]);
  });
});

describe('secrets', () => {
  it('are in no log line and in no stored file in clear', async () => {
    const opened = await open();
    const client = await opened.createPairedClient();
    const [app] = await client.applist();
    await client.launch(app?.id ?? 0);
    await client.stream({ seconds: 1 });
    const rikey = Buffer.from(client.keys?.rikey ?? []).toString('hex');
    expect(rikey).toHaveLength(32);
    const planted = [rikey, Buffer.from(rikey, 'hex').toString('base64'), 'PRIVATE KEY', '"1234"'];

    const files = await readdir(opened.dataDir, { recursive: true, withFileTypes: true });
    const texts = await Promise.all(
      files
        .filter((file) => file.isFile())
        .map((file) => readFile(join(file.parentPath, file.name), 'latin1')),
    );
    for (const secret of planted) {
      expect([...opened.logLines, ...texts].filter((text) => text.includes(secret))).toEqual([]);
    }
    await client.cancel();
  });
});

async function sendTcpGarbage(port: number): Promise<void> {
  for (let count = 0; count < 20; count += 1) {
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.end(randomBytes(1 + count * 97)));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        resolve();
      });
      socket.resume();
    });
  }
}

async function sendUdpGarbage(ports: number[]): Promise<number> {
  const socket = createSocket('udp4');
  let replies = 0;
  socket.on('message', () => (replies += 1));
  for (const port of ports) {
    for (let count = 0; count < 500; count += 1) {
      await new Promise<void>((resolve) => {
        socket.send(randomBytes(count % 60 === 0 ? 1400 : count % 60), port, '127.0.0.1', () => {
          resolve();
        });
      });
    }
  }
  socket.close();
  return replies;
}
