import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchQuery, letIn, operate, startBench, type Bench, type TestClient } from './test-bench.ts';

const ENCRYPTED_URL = 'rtspenc://label-of-session:48010';

let bench: Bench;
let client: TestClient;
beforeEach(async () => {
  bench = await startBench({ launchTimeoutMs: 10_000 });
  client = bench.clients[0];
  await letIn(bench, client);
});
afterEach(() => bench.stop());

const sessionIds = async () => (await bench.sessions.list()).map(({ metadata }) => metadata.name);
const launchRows = () => bench.table.reader.list('launch');

async function expectNothingLeft(): Promise<void> {
  await expect.poll(sessionIds).toEqual([]);
  await expect.poll(launchRows).toEqual([]);
}

describe('GET /resume', () => {
  it('raises the generation, keeps the mode for clients that name none, and answers resume', async () => {
    operate(bench);
    await client.https('/launch', launchQuery());
    const [id = ''] = await sessionIds();
    const only = { rikey: 'cd'.repeat(16), rikeyid: '5', surroundAudioInfo: '196610' };
    const answer = await client.https('/resume', Object.entries(only));
    expect(answer).toMatchObject({
      statusCode: 200,
      fields: { sessionUrl0: ENCRYPTED_URL, resume: '1' },
    });
    expect(await bench.table.reader.get('launch', id)).toMatchObject({
      generation: 2,
      verb: 'resume',
      appId: 7,
      corever: 0,
      parameters: { mode: '1280x720x60', surroundAudioInfo: '196610' },
    });
  });

  it('does not take the answer to an older generation for its own', async () => {
    const stop = operate(bench);
    await client.https('/launch', launchQuery());
    stop();
    const [id = ''] = await sessionIds();
    const answer = client.https('/resume', launchQuery());
    await expect.poll(async () => (await bench.table.reader.get('launch', id))?.generation).toBe(2);
    await bench.sessions.patchStatus(id, { phase: 'Paused', launchGeneration: 1, streamURL: ENCRYPTED_URL });
    const fresh = 'rtspenc://fresh-label:48010';
    await bench.sessions.patchStatus(id, { phase: 'Ready', launchGeneration: 2, streamURL: fresh });
    expect((await answer).fields['sessionUrl0']).toBe(fresh);
  });

  it('says that nothing runs', async () => {
    const answer = await client.https('/resume', launchQuery());
    expect(answer).toMatchObject({
      statusCode: 404,
      statusMessage: expect.stringContaining('runs no more') as string,
    });
  });

  it('of two at once goes to the later one, and the earlier one is told', async () => {
    const stop = operate(bench);
    await client.https('/launch', launchQuery());
    stop();
    const [id = ''] = await sessionIds();
    const generation = async () => (await bench.table.reader.get('launch', id))?.generation;
    const earlier = client.https('/resume', launchQuery({ corever: '0' }));
    await expect.poll(generation).toBe(2);
    const later = client.https('/resume', launchQuery());
    expect(await earlier).toMatchObject({
      statusCode: 409,
      statusMessage: expect.stringMatching(/elsewhere/) as string,
    });
    expect(await generation()).toBe(3);
    await bench.sessions.patchStatus(id, { phase: 'Ready', launchGeneration: 3, streamURL: ENCRYPTED_URL });
    expect((await later).fields).toEqual({ sessionUrl0: ENCRYPTED_URL, resume: '1' });
  });

  it('is told that it came first also when it waits for the gate by then', async () => {
    const plainUrl = 'rtsp://label-of-session:48010';
    operate(bench, plainUrl);
    await client.https('/launch', launchQuery());
    const [id = ''] = await sessionIds();
    bench.gate.leave({ id, generation: 1, address: '127.0.0.1' });
    const somebodyElse = { id: 'somebody-else', generation: 1, address: '127.0.0.1' };
    await bench.gate.enter(somebodyElse);
    const generation = async () => (await bench.sessions.get(id))?.status?.launchGeneration;
    const earlier = client.https('/resume', launchQuery({ corever: '0' }));
    await expect.poll(generation).toBe(2);
    const later = client.https('/resume', launchQuery({ corever: '0' }));
    expect(await earlier).toMatchObject({ statusCode: 409 });
    await expect.poll(generation).toBe(3);
    bench.gate.leave(somebodyElse);
    expect((await later).fields['sessionUrl0']).toBe(plainUrl);
    expect(await bench.gate.holderOf('127.0.0.1')).toEqual({ id, generation: 3 });
  });

  it('refuses a mode that is none, and leaves the game as it is', async () => {
    operate(bench);
    await client.https('/launch', launchQuery());
    const [id = ''] = await sessionIds();
    expect(await client.https('/resume', launchQuery({ mode: '0x0x0' }))).toMatchObject({
      statusCode: 400,
      statusMessage: expect.stringContaining('The parameter mode must be') as string,
    });
    expect((await bench.table.reader.get('launch', id))?.generation).toBe(1);
  });

  it('says why the game has just ended', async () => {
    operate(bench);
    await client.https('/launch', launchQuery());
    const [id = ''] = await sessionIds();
    const ended = { phase: 'Ended', launchGeneration: 1, reason: 'HOST_UNREACHABLE' } as const;
    await bench.sessions.patchStatus(id, { ...ended, message: 'The machine went away' });
    expect(await client.https('/resume', launchQuery())).toMatchObject({
      statusCode: 502,
      statusMessage: 'The machine went away',
    });
    expect((await client.https('/serverinfo')).fields['currentgame']).toBe('0');
  });

  it('leaves no launch row when the game ends at that very moment', async () => {
    const stopOperating = operate(bench);
    await client.https('/launch', launchQuery());
    stopOperating();
    const [id = ''] = await sessionIds();
    const stop = bench.table.reader.watch(({ kind }) => {
      if (kind === 'launch') void bench.sessions.delete(id);
    });
    expect((await client.https('/resume', launchQuery())).statusCode).toBe(404);
    stop();
    await expectNothingLeft();
  });

  it('keeps the game of a client that hangs up', async () => {
    const stop = operate(bench);
    await client.https('/launch', launchQuery());
    stop();
    const [id = ''] = await sessionIds();
    const hangUp = new AbortController();
    const answer = client.https('/resume', launchQuery(), hangUp.signal).catch(() => undefined);
    await expect.poll(async () => (await bench.table.reader.get('launch', id))?.generation).toBe(2);
    hangUp.abort();
    await answer;
    operate(bench);
    expect((await client.https('/resume', launchQuery())).statusCode).toBe(200);
    expect(await sessionIds()).toEqual([id]);
  });

  it('forgets a game that its host has lost', async () => {
    const stop = operate(bench);
    await client.https('/launch', launchQuery());
    stop();
    const [id = ''] = await sessionIds();
    const answer = client.https('/resume', launchQuery());
    await expect.poll(async () => (await bench.table.reader.get('launch', id))?.generation).toBe(2);
    const status = { phase: 'Ended', launchGeneration: 2, reason: 'HOST_UNREACHABLE' } as const;
    await bench.sessions.patchStatus(id, { ...status, message: 'The machine does not answer' });
    expect(await answer).toMatchObject({ statusCode: 502, statusMessage: 'The machine does not answer' });
    await expectNothingLeft();
  });
});

describe('a second device of the same person', () => {
  let other: TestClient;

  beforeEach(async () => {
    other = bench.clients[1];
    await letIn(bench, other);
    for (const { metadata, spec } of await bench.pairings.list()) {
      await bench.pairings.update(metadata.name, { ...spec, userReference: { name: 'ada' } });
    }
    operate(bench);
    await client.https('/launch', launchQuery());
  });

  it.each([
    { path: '/resume', verdict: 'resume' },
    { path: '/launch', verdict: 'gamesession' },
  ])('sees the game, and takes it over with $path', async ({ path, verdict }) => {
    const [id = ''] = await sessionIds();
    expect((await other.https('/serverinfo')).fields).toMatchObject({
      currentgame: '7',
      state: 'SUNSHINE_SERVER_BUSY',
    });
    const before = await bench.table.reader.get('launch', id);
    const answer = await other.https(path, launchQuery({ mode: '800x600x30' }));
    expect(answer.fields).toEqual({ sessionUrl0: ENCRYPTED_URL, [verdict]: '1' });
    expect(await sessionIds()).toEqual([id]);
    const row = await bench.table.reader.get('launch', id);
    expect(row).toMatchObject({ generation: 2, verb: 'resume', parameters: { mode: '800x600x30' } });
    expect(row?.pairingName).toMatch(/^p-/);
    expect(row?.pairingName).not.toBe(before?.pairingName);
  });

  it('is told in words that another app runs', async () => {
    bench.apps.push({ id: 9, title: 'Other', isHdrSupported: false });
    expect(await other.https('/launch', launchQuery({ appid: '9' }))).toMatchObject({
      statusCode: 409,
      statusMessage: 'Another app is still running: quit it first',
    });
  });

  it('may end the game', async () => {
    expect((await other.https('/cancel')).fields['cancel']).toBe('1');
    await expectNothingLeft();
  });
});
