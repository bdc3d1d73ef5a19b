import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionStatus } from '../../core/crd/types.ts';
import { launchQuery, letIn, operate, RIKEY, startBench, type Bench, type TestClient } from './test-bench.ts';

const SOMEBODY_ELSE = { id: 'somebody-else', generation: 1, address: '127.0.0.1' };
const PLAIN_URL = 'rtsp://label-of-session:48010';
const ENCRYPTED_URL = 'rtspenc://label-of-session:48010';

let bench: Bench;
let client: TestClient;
beforeEach(async () => {
  bench = await startBench({ launchTimeoutMs: 10_000 });
  client = bench.clients[0];
  await letIn(bench, client);
});
afterEach(() => bench.stop());

async function restart(options: { launchTimeoutMs: number }): Promise<void> {
  await bench.stop();
  bench = await startBench(options);
  client = bench.clients[0];
  await letIn(bench, client);
}

const sessionIds = async () => (await bench.sessions.list()).map(({ metadata }) => metadata.name);
const launchRows = () => bench.table.reader.list('launch');

/** The id of the one session, once it stands. */
async function nextSession(): Promise<string> {
  await expect.poll(sessionIds).toHaveLength(1);
  return (await sessionIds())[0] ?? '';
}

async function expectNothingLeft(): Promise<void> {
  await expect.poll(sessionIds).toEqual([]);
  await expect.poll(launchRows).toEqual([]);
}

describe('GET /launch', () => {
  it('writes the launch row, makes the session and answers when the operator has it ready', async () => {
    const answer = client.https('/launch', launchQuery());
    const id = await nextSession();
    const [pairing] = await bench.pairings.list();
    expect((await bench.sessions.get(id))?.spec).toEqual({
      userReference: { name: pairing?.metadata.name },
      pairingReference: { name: pairing?.metadata.name },
      gameReference: { name: '7' },
    });
    const row = await bench.table.reader.get('launch', id);
    expect(row).toMatchObject({
      generation: 1,
      verb: 'launch',
      appId: 7,
      rikeyid: -944100557,
      corever: 1,
      clientAddress: '127.0.0.1',
      pairingName: pairing?.metadata.name,
    });
    expect(row?.parameters).toMatchObject({ mode: '1280x720x60', surroundAudioInfo: '196610' });
    expect(row?.parameters).not.toHaveProperty('rikey');
    expect(bench.sealer.open(row?.rikey ?? '').toString('hex')).toBe(RIKEY);

    const provisioning: SessionStatus = { phase: 'Provisioning', launchGeneration: 1 };
    await bench.sessions.patchStatus(id, provisioning);
    await bench.sessions.patchStatus(id, { ...provisioning, phase: 'Ready', streamURL: ENCRYPTED_URL });
    const { statusCode, fields } = await answer;
    expect({ statusCode, fields }).toEqual({
      statusCode: 200,
      fields: { sessionUrl0: ENCRYPTED_URL, gamesession: '1' },
    });
  });

  it('passes on why the operator could not start it, and leaves nothing', async () => {
    const answer = client.https('/launch', launchQuery());
    const status = { phase: 'Ended', launchGeneration: 1 } as const;
    await bench.sessions.patchStatus(await nextSession(), {
      ...status,
      reason: 'NO_HOST_FREE',
      message: 'No machine is free right now',
    });
    expect(await answer).toMatchObject({ statusCode: 503, statusMessage: 'No machine is free right now' });
    await expectNothingLeft();
  });

  it('has words for an end without a reason', async () => {
    const answer = client.https('/launch', launchQuery());
    await bench.sessions.patchStatus(await nextSession(), { phase: 'Ended', launchGeneration: 1 });
    expect(await answer).toMatchObject({
      statusCode: 500,
      statusMessage: 'The game ended before it could be played',
    });
  });

  it('gives up in time, and leaves nothing', async () => {
    await restart({ launchTimeoutMs: 50 });
    const answer = await client.https('/launch', launchQuery());
    expect(answer.statusCode).toBe(504);
    expect(answer.statusMessage).toContain('did not start in time');
    await expectNothingLeft();
  });

  it('deletes the session again when the client hangs up', async () => {
    const hangUp = new AbortController();
    const answer = client.https('/launch', launchQuery(), hangUp.signal).catch(() => undefined);
    await nextSession();
    hangUp.abort();
    await answer;
    await expectNothingLeft();
  });

  it('ends when somebody deletes the session', async () => {
    const answer = client.https('/launch', launchQuery());
    await bench.sessions.delete(await nextSession());
    expect(await answer).toMatchObject({ statusCode: 404, statusMessage: 'The game was ended' });
    await expectNothingLeft();
  });

  it.each([
    { name: 'an unknown app', changes: { appid: '8' }, statusCode: 404, message: 'does not exist' },
    { name: 'no app', changes: { appid: undefined }, statusCode: 404, message: 'does not exist' },
    { name: 'no rikey', changes: { rikey: undefined }, statusCode: 400, message: 'rikey must be' },
    { name: 'a short rikey', changes: { rikey: 'abcd' }, statusCode: 400, message: 'rikey must be' },
    { name: 'a negative app', changes: { appid: '-1' }, statusCode: 400, message: 'parameter appid must be' },
    { name: 'a mode of words', changes: { mode: 'abc' }, statusCode: 400, message: 'parameter mode must be' },
    {
      name: 'a mode of nothing',
      changes: { mode: '0x0x0' },
      statusCode: 400,
      message: 'parameter mode must be',
    },
    {
      name: 'half a mode',
      changes: { mode: '1920x1080' },
      statusCode: 400,
      message: 'parameter mode must be',
    },
    {
      name: 'no mode',
      changes: { mode: undefined },
      statusCode: 400,
      message: 'The parameter mode is missing',
    },
  ])('refuses $name', async ({ changes, statusCode, message }) => {
    const answer = await client.https('/launch', launchQuery(changes));
    expect(answer).toMatchObject({ statusCode, statusMessage: expect.stringContaining(message) as string });
    await expectNothingLeft();
  });

  it.each(['1280x720x59.94', '1280x720x60x1'])('passes mode %s on as it stands', async (mode) => {
    operate(bench);
    expect((await client.https('/launch', launchQuery({ mode }))).statusCode).toBe(200);
    expect(await launchRows()).toMatchObject([{ parameters: { mode } }]);
  });

  it('refuses another app while one runs, and returns to the same one with new keys', async () => {
    operate(bench);
    bench.apps.push({ id: 9, title: 'Other', isHdrSupported: false });
    await client.https('/launch', launchQuery());
    const [id = ''] = await sessionIds();
    const other = await client.https('/launch', launchQuery({ appid: '9' }));
    expect(other).toMatchObject({
      statusCode: 409,
      statusMessage: 'Another app is still running: quit it first',
    });
    const again = await client.https('/launch', launchQuery({ rikey: 'ab'.repeat(16) }));
    expect(again.fields).toEqual({ sessionUrl0: ENCRYPTED_URL, gamesession: '1' });
    expect(await sessionIds()).toEqual([id]);
    const row = await bench.table.reader.get('launch', id);
    expect(row).toMatchObject({ generation: 2, verb: 'resume' });
    expect(bench.sealer.open(row?.rikey ?? '').toString('hex')).toBe('ab'.repeat(16));
  });

  it('makes one session of two launches at once; the later one gets it, the other one is told', async () => {
    const answers = [1, 2].map(() => client.https('/launch', launchQuery()));
    await expect.poll(async () => (await launchRows()).map(({ generation }) => generation)).toEqual([2]);
    const status = { phase: 'Ready', launchGeneration: 2, streamURL: ENCRYPTED_URL } as const;
    await bench.sessions.patchStatus(await nextSession(), status);
    const byStatus = (await Promise.all(answers)).sort((a, b) => a.statusCode - b.statusCode);
    expect(byStatus).toMatchObject([
      { statusCode: 200, fields: { gamesession: '1' } },
      { statusCode: 409, statusMessage: 'This game was just started elsewhere' },
    ]);
    expect(await sessionIds()).toHaveLength(1);
  });

  it('keeps a game that was taken over while it was started for a client that hangs up then', async () => {
    const hangUp = new AbortController();
    const first = client.https('/launch', launchQuery(), hangUp.signal).catch(() => undefined);
    const id = await nextSession();
    const second = client.https('/launch', launchQuery());
    await expect.poll(async () => (await bench.table.reader.get('launch', id))?.generation).toBe(2);
    hangUp.abort();
    await first;
    await bench.sessions.patchStatus(id, { phase: 'Ready', launchGeneration: 2, streamURL: ENCRYPTED_URL });
    expect((await second).fields['gamesession']).toBe('1');
    expect(await sessionIds()).toEqual([id]);
  });

  it('lets two clients play at once', async () => {
    operate(bench);
    await letIn(bench, bench.clients[1]);
    const answers = await Promise.all(bench.clients.map((each) => each.https('/launch', launchQuery())));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200]);
    expect(await sessionIds()).toHaveLength(2);
  });

  it('holds the answer for plain RTSP until the gate of the address is free', async () => {
    operate(bench, PLAIN_URL);
    await bench.gate.enter(SOMEBODY_ELSE);
    let isAnswered = false;
    const answer = client.https('/launch', launchQuery({ corever: '0' })).then((xml) => {
      isAnswered = true;
      return xml;
    });
    const id = await nextSession();
    await expect.poll(async () => (await bench.sessions.get(id))?.status?.phase).toBe('Ready');
    expect(isAnswered).toBe(false);
    bench.gate.leave(SOMEBODY_ELSE);
    expect((await answer).fields['sessionUrl0']).toBe(PLAIN_URL);
    expect(await bench.gate.holderOf('127.0.0.1')).toEqual({ id, generation: 1 });
  });

  it('logs no key', async () => {
    operate(bench);
    await client.https('/launch', launchQuery());
    await client.https('/launch', launchQuery({ rikeyid: 'x' }));
    expect(bench.logged()).toContain('client launches');
    for (const secret of [RIKEY, 'rikey=', '944100557']) expect(bench.logged()).not.toContain(secret);
  });
});

describe('GET /cancel', () => {
  it('ends the game of this client only, and waits until its row is gone', async () => {
    const stopOperating = operate(bench);
    await letIn(bench, bench.clients[1]);
    await client.https('/launch', launchQuery());
    const [id = ''] = await sessionIds();
    await bench.clients[1].https('/launch', launchQuery());
    const launch = await bench.table.reader.get('launch', id);
    const rows = bench.table.writer('session');
    await rows.put({
      id,
      generation: 1,
      state: 'ready',
      client: { address: '127.0.0.1' },
      keys: { rikey: launch?.rikey ?? '', rikeyid: 1 },
      tokens: {
        pingPayload: '0123456789abcdef',
        connectData: 1,
        rtspSession: 'rtsp-session',
        rtspLabel: 'rtsp-label',
        peerId: 1,
      },
      upstream: { address: '127.0.0.1', slot: 0 },
    });
    stopOperating();
    let isAnswered = false;
    const answer = client.https('/cancel').then((xml) => {
      isAnswered = true;
      return xml;
    });
    await expect.poll(() => bench.sessions.get(id)).toBeUndefined();
    expect(isAnswered).toBe(false);
    await rows.remove(id);
    expect(await answer).toMatchObject({ statusCode: 200, fields: { cancel: '1' } });
    expect(await sessionIds()).toHaveLength(1);
    expect((await client.https('/serverinfo')).fields['currentgame']).toBe('0');
  });

  it('is content when nothing runs', async () => {
    expect(await client.https('/cancel')).toMatchObject({ statusCode: 200, fields: { cancel: '1' } });
  });
});
