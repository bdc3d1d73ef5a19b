import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GleipnirError } from '../../core/runtime/errors.ts';
import { APP, GRACE_MS, ID, RIKEY, startBench, type Bench } from '../test-bench.ts';

let bench: Bench;

beforeEach(async () => {
  bench = await startBench();
});
afterEach(() => bench.stop());

async function play(): Promise<void> {
  await bench.launch();
  await expect.poll(bench.phase).toBe('Ready');
  await bench.reportFlow(1, 'live');
  await expect.poll(bench.phase).toBe('Streaming');
}

async function pause(): Promise<void> {
  await play();
  await bench.reportFlow(1, 'disconnected');
  await expect.poll(bench.phase).toBe('Paused');
}

const phaseOf = async (id: string) => (await bench.sessions.get(id))?.status?.phase;
const status = async () => (await bench.sessions.get(ID))?.status;

describe('a launch', () => {
  it('that was answered with nonsense is cancelled on the host, where it may run', async () => {
    const message = 'The host names another machine for its stream';
    bench.host.refusal = new GleipnirError('HOST_ANSWER_INVALID', message);
    await bench.launch();
    await expect.poll(bench.phase).toBe('Ended');
    expect(await status()).toMatchObject({ message, reason: 'HOST_ANSWER_INVALID' });
    await expect.poll(() => bench.host.calls).toContain('cancel');
  });

  it('starts on a host with the client’s own key and says where to stream', async () => {
    await bench.launch();
    await expect.poll(bench.phase).toBe('Ready');
    const ready = await bench.row();
    expect(ready).toMatchObject({
      generation: 1,
      state: 'ready',
      client: { address: '192.0.2.99' },
      host: {
        name: 'attic',
        rtsp: { address: '192.0.2.7', port: 48_010, label: 'label-1', encrypted: false },
      },
      upstream: { slot: 0 },
    });
    expect(await status()).toEqual({
      phase: 'Ready',
      launchGeneration: 1,
      hostName: 'attic',
      playedBy: 'p-1',
      streamURL: `rtspenc://${ready?.tokens.rtspLabel}:48010`,
    });
    expect(bench.host.launches).toMatchObject([
      { appId: 1, rikeyid: -5, parameters: { mode: '1280x720x60' } },
    ]);
    expect(Buffer.from(bench.host.launches[0]?.rikey ?? [])).toEqual(RIKEY);
  });

  it.each([
    { name: 'no host has the app', appId: 77, reason: 'APP_NOT_FOUND', message: /offers this app/ },
    { name: 'the host refuses', appId: APP, reason: 'HOST_BUSY', message: /busy/ },
  ])('says why when $name, and leaves the host alone', async ({ appId, reason, message }) => {
    bench.host.refusal = new GleipnirError('HOST_BUSY', 'The machine is busy');
    await bench.launch({ appId });
    await expect.poll(status).toMatchObject({ phase: 'Ended', reason, launchGeneration: 1 });
    expect((await status())?.message).toMatch(message);
    await expect.poll(bench.row).toBeUndefined();
    await expect.poll(() => bench.pool().placementOf(ID)).toBeUndefined();
    expect(bench.host.calls, 'it may play for somebody else').not.toContain('cancel');
  });

  it('is cancelled on a host that gave no answer, for it may play for nobody', async () => {
    bench.host.refusal = new GleipnirError('HOST_UNREACHABLE', 'The host does not answer');
    await bench.launch();
    await expect.poll(status).toMatchObject({ phase: 'Ended', reason: 'HOST_UNREACHABLE' });
    await expect.poll(() => bench.host.calls).toContain('cancel');
  });

  it('says "busy" when all hosts are full', async () => {
    bench.pool().place({ id: 'other', user: 'somebody', appId: APP });
    await bench.launch();
    await expect.poll(status).toMatchObject({ phase: 'Ended', reason: 'NO_HOST_FREE' });
  });

  it('waits until the same game of the same user is over at the host', async () => {
    await bench.launch({ id: 'older' });
    await expect.poll(() => phaseOf('older')).toBe('Ready');
    await bench.launch();
    await expect.poll(bench.logged).toContain('"from":"Provisioning"');
    expect(await bench.phase()).toBeUndefined();
    await bench.sessions.delete('older');
    await expect.poll(bench.phase).toBe('Ready');
    expect(bench.host.calls.filter((call) => /launch|cancel/.test(call))).toEqual([
      'launch',
      'cancel',
      'launch',
    ]);
  });

  it.each([1, 3])('survives %i failures of the session table', async (left) => {
    bench.failures.left = left;
    await bench.launch();
    await expect.poll(bench.phase).toBe('Ready');
    expect(bench.logged()).toContain('reconcile failed');
    expect((await bench.row())?.state).toBe('ready');
    expect(await status()).toMatchObject({ launchGeneration: 1 });
  });

  it('is given up when the session table fails for good', async () => {
    bench.failures.left = 1;
    const release = bench.holdHost();
    await bench.launch();
    await expect.poll(bench.logged).toContain('reconcile failed');
    await expect.poll(async () => (await bench.row())?.state).toBe('pending');
    bench.clock.nowMs += 120_001;
    bench.failures.left = 1;
    release();
    await expect.poll(status).toMatchObject({ phase: 'Ended', reason: 'HOST_REFUSED' });
  });

  it('ends what a restart interrupted', async () => {
    const reference = { userReference: { name: 'u' }, pairingReference: { name: 'p-1' } };
    await bench.sessions.create({ name: ID, spec: { ...reference, gameReference: { name: '1' } } });
    await expect
      .poll(status)
      .toMatchObject({ phase: 'Ended', message: expect.stringMatching(/restart/) as string });
  });
});

describe('the phase', () => {
  it('follows the relay: streaming, paused, streaming again', async () => {
    await play();
    await bench.reportFlow(1, 'silent');
    await expect.poll(bench.phase).toBe('Paused');
    await expect.poll(async () => (await bench.row())?.state).toBe('paused');
    await bench.reportFlow(1, 'live');
    await expect.poll(bench.phase).toBe('Streaming');
    await expect.poll(async () => (await bench.row())?.state).toBe('streaming');
    expect((await status())?.streamURL).toMatch(/^rtspenc:/);
  });

  it('does not take a step that the table does not know', async () => {
    await play();
    await bench.sessions.patchStatus(ID, { phase: 'Pending', launchGeneration: 1 });
    await expect.poll(bench.logged).toContain('session step refused');
    expect(await bench.phase()).toBe('Pending');
  });

  it('tells of a stream that freezes, once for each time', async () => {
    await play();
    for (const isFrozen of [true, true, false, true]) {
      await bench.reportFlow(1, 'live', isFrozen);
      await expect.poll(async () => (await status())?.isFrozen ?? false).toBe(isFrozen);
    }
    expect(bench.freezes.count).toBe(2);
    expect(bench.logged().match(/"stream is frozen"/g)).toHaveLength(2);
    await bench.reportFlow(1, 'disconnected', true);
    await expect.poll(bench.phase).toBe('Paused');
    expect((await status())?.isFrozen).toBeUndefined();
  });
});

describe('a resume', () => {
  it('waits until the relay closed the old generation; then fresh tokens and a fresh slot', async () => {
    await play();
    const first = await bench.row();
    await bench.resume(2, { parameters: { mode: '1920x1080x120' }, rikeyid: 9 });
    await expect.poll(async () => (await bench.row())?.generation).toBe(2);
    expect((await bench.row())?.state).toBe('pending');
    expect(await bench.phase()).toBe('Provisioning');
    expect(bench.host.calls).not.toContain('resume');
    await bench.reportFlow(1, 'closed');
    await expect.poll(async () => (await bench.row())?.state).toBe('ready');
    const second = await bench.row();
    expect(bench.host.calls).toContain('resume');
    expect(bench.host.launches.at(-1)).toMatchObject({ parameters: { mode: '1920x1080x120' }, rikeyid: 9 });
    expect(second?.upstream.slot).not.toBe(first?.upstream.slot);
    for (const token of ['pingPayload', 'connectData', 'rtspSession', 'rtspLabel'] as const) {
      expect(second?.tokens[token]).not.toBe(first?.tokens[token]);
    }
    await expect.poll(status).toMatchObject({ phase: 'Ready', launchGeneration: 2 });
  });

  it.each([
    { name: 'Ready', begin: () => bench.launch().then(() => expect.poll(bench.phase).toBe('Ready')) },
    { name: 'Streaming', begin: play },
    { name: 'Paused', begin: pause },
  ])('keeps the game of a session that is $name', async ({ begin }) => {
    await begin();
    await bench.resume(2);
    if ((await bench.table.reader.list('flow')).length > 0) await bench.reportFlow(1, 'closed');
    await expect.poll(status).toMatchObject({ phase: 'Ready', launchGeneration: 2 });
    expect(bench.host.calls.filter((call) => /launch|cancel|resume/.test(call))).toEqual([
      'launch',
      'resume',
    ]);
  });

  it('while the game is being launched, is done right after', async () => {
    const release = bench.holdHost();
    await bench.launch();
    await expect.poll(bench.phase).toBe('Provisioning');
    await bench.resume(2);
    await bench.resume(3);
    release();
    await expect.poll(status).toMatchObject({ phase: 'Ready', launchGeneration: 3 });
    expect(bench.host.calls.filter((call) => /launch|cancel|resume/.test(call))).toEqual([
      'launch',
      'resume',
    ]);
    expect((await bench.row())?.generation).toBe(3);
  });

  it('is tried again as a resume when the session table fails in between', async () => {
    await pause();
    await bench.reportFlow(1, 'closed');
    bench.failures.left = 1;
    await bench.resume(2);
    await expect.poll(status).toMatchObject({ phase: 'Ready', launchGeneration: 2 });
    expect(bench.host.calls.filter((call) => call === 'launch')).toHaveLength(1);
  });

  it('from another device of the user takes the session over', async () => {
    await pause();
    await bench.reportFlow(1, 'closed');
    await bench.resume(2, { pairingName: 'p-2', clientAddress: '192.0.2.50' });
    await expect.poll(status).toMatchObject({ phase: 'Ready', playedBy: 'p-2' });
    expect((await bench.row())?.client.address).toBe('192.0.2.50');
    expect(bench.logged()).toContain('another device takes the session over');
  });

  it('of a game that the host lost ends the session, and says why', async () => {
    await pause();
    await bench.reportFlow(1, 'closed');
    bench.host.refusal = new GleipnirError('HOST_REFUSED', 'The host started nothing');
    await bench.resume(2);
    await expect.poll(status).toMatchObject({
      phase: 'Ended',
      launchGeneration: 2,
      reason: 'HOST_REFUSED',
      message: 'The host started nothing',
    });
  });
});

describe('the end', () => {
  it('is in order when the object is deleted: relay, host, row', async () => {
    await play();
    await bench.sessions.delete(ID);
    await expect.poll(async () => (await bench.row())?.state).toBe('ended');
    expect(bench.host.calls).not.toContain('cancel');
    await bench.reportFlow(1, 'closed');
    await expect.poll(bench.row).toBeUndefined();
    expect(bench.host.calls).toContain('cancel');
    expect(bench.pool().placementOf(ID)).toBeUndefined();
  });

  it('comes after the launch that a cancel interrupts, and leaves no game at the host', async () => {
    const release = bench.holdHost();
    await bench.launch();
    await expect.poll(bench.phase).toBe('Provisioning');
    await bench.sessions.delete(ID);
    release();
    await expect.poll(() => bench.host.calls).toContain('cancel');
    await expect.poll(bench.row).toBeUndefined();
    expect(bench.host.isBusy).toBe(false);
  });

  it('comes when the host has ended the app, as the host says when its client leaves', async () => {
    await play();
    bench.host.isBusy = false;
    await bench.reportFlow(1, 'disconnected');
    await bench.reportFlow(1, 'closed');
    await expect.poll(status).toMatchObject({ phase: 'Ended', message: 'The game was ended on its machine' });
    await expect.poll(bench.row).toBeUndefined();
  });

  it('comes when the host tells by itself that the game is over, and the row tells the client', async () => {
    await play();
    bench.tell.gameEnded('somebody-else');
    bench.tell.gameEnded(ID);
    await expect.poll(async () => (await bench.row())?.state).toBe('ended');
    expect(await status()).toMatchObject({ phase: 'Ended', message: 'The game was ended on its machine' });
  });

  it('comes when the host goes down, with a message', async () => {
    await play();
    bench.tell.hostDown('another');
    bench.tell.hostDown('attic');
    await expect.poll(async () => (await bench.row())?.state).toBe('ended');
    expect(await status()).toMatchObject({ phase: 'Ended', reason: 'HOST_UNREACHABLE' });
    expect((await status())?.message).toMatch(/does not answer any more/);
  });

  it('comes at once when the Pairing that plays is deleted, and not when another one is', async () => {
    await play();
    await bench.pairings.delete('p-2');
    await bench.pairings.delete('p-1');
    await expect.poll(async () => (await bench.row())?.state).toBe('ended');
    expect(await status()).toMatchObject({ phase: 'Ended', reason: 'NOT_PAIRED' });
  });

  it('does not come when the Pairing that launched is deleted after a take-over', async () => {
    await pause();
    await bench.reportFlow(1, 'closed');
    await bench.resume(2, { pairingName: 'p-2' });
    await expect.poll(status).toMatchObject({ phase: 'Ready', playedBy: 'p-2' });
    await bench.pairings.delete('p-1');
    await bench.reportFlow(2, 'live');
    await expect.poll(bench.phase).toBe('Streaming');
    await bench.pairings.delete('p-2');
    await expect.poll(bench.phase).toBe('Ended');
  });

  it.each([
    { name: 'never came', begin: () => bench.launch().then(() => expect.poll(bench.phase).toBe('Ready')) },
    { name: 'left', begin: pause },
  ])('comes after the grace time when the client $name', async ({ begin }) => {
    await begin();
    bench.clock.nowMs += GRACE_MS;
    await bench.resume(1);
    await expect.poll(bench.logged).toContain('session is ready');
    expect(await bench.phase()).not.toBe('Ended');
    bench.clock.nowMs += 1;
    await bench.resume(1);
    await expect
      .poll(status)
      .toMatchObject({ phase: 'Ended', message: expect.stringMatching(/in time/) as string });
  });

  it('removes the object a while later', async () => {
    await bench.launch({ appId: 77 });
    await expect.poll(bench.phase).toBe('Ended');
    bench.clock.nowMs += 1_000;
    await expect.poll(() => bench.sessions.list()).toEqual([]);
  });
});

describe('200 launches and cancels', () => {
  it('leave nothing in the table, on the host or in the pool', async () => {
    for (let count = 0; count < 200; count += 1) {
      const id = `s-${count}`;
      await bench.launch({ id });
      await expect.poll(() => phaseOf(id), { interval: 1 }).toBe('Ready');
      await bench.sessions.delete(id);
      await bench.table.writer('launch').remove(id);
      await expect.poll(() => bench.table.reader.get('session', id), { interval: 1 }).toBeUndefined();
      bench.clock.nowMs += 11_000;
    }
    for (const kind of ['session', 'launch', 'stream', 'flow'] as const) {
      expect(await bench.table.reader.list(kind)).toEqual([]);
    }
    expect(await bench.sessions.list()).toEqual([]);
    expect(bench.pool().placementsOf('attic')).toEqual([]);
    expect(bench.host.isBusy).toBe(false);
  }, 30_000);
});
