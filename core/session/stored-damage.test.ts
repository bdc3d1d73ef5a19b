/** What a crash, a failing disk or somebody's editor leaves in the files of a session table. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchRow, sessionRow } from './contract.ts';
import { createStoredTable, type StoredTable } from './stored.ts';

let directory: string;
let logLines: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-damage-'));
  logLines = [];
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

function open(): Promise<StoredTable> {
  const log = pino({ level: 'warn' }, { write: (line) => logLines.push(line) });
  return createStoredTable({ directory, log, lazyMs: 1 });
}

async function place(kind: string, file: string, content: string | Uint8Array): Promise<void> {
  await mkdir(join(directory, kind), { recursive: true });
  await writeFile(join(directory, kind, file), content);
}

async function sessionIds(): Promise<string[]> {
  const { reader, stop } = await open();
  const ids = (await reader.list('session')).map(({ id }) => id);
  await stop();
  return ids.sort();
}

/** Puts generation after generation of one session; prints each once it is acknowledged. */
const WRITER = `
  import { pino } from 'pino';
  import { sessionRow } from ${JSON.stringify(new URL('./contract.ts', import.meta.url).href)};
  import { createStoredTable } from ${JSON.stringify(new URL('./stored.ts', import.meta.url).href)};
  const { reader, writer } = await createStoredTable({ directory: process.argv[1], log: pino() });
  let generation = (await reader.get('session', 's1'))?.generation ?? 0;
  for (;;) {
    generation += 1;
    const client = { address: 'x'.repeat(45) };
    await writer('session').put(sessionRow({ generation, client }));
    void writer('stream').put({ id: 's1', generation, isPlaying: true });
    process.stdout.write(generation + '\\n');
  }`;

async function writeAndDie(acknowledgements: number): Promise<number> {
  const args = ['--input-type=module-typescript', '--eval', WRITER, directory];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let last = 0;
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    count += 1;
    if (count === acknowledgements) child.kill('SIGKILL');
  }
  await exited;
  return last;
}

describe('createStoredTable', () => {
  it('finds the last acknowledged row, or the one being written, after SIGKILL', async () => {
    for (const acknowledgements of [1, 3, 10, 25]) {
      const last = await writeAndDie(acknowledgements);
      const { reader, stop } = await open();
      expect([last, last + 1]).toContain((await reader.get('session', 's1'))?.generation);
      await stop();
    }
    expect(logLines).toEqual([]);
  });

  it('drops a row that was cut at any byte, names its file, and keeps the others', async () => {
    const whole = JSON.stringify(sessionRow({ id: 'whole' }));
    await place('session', 'whole.json', whole);
    const sizes = Array.from(whole, (_, size) => size);
    await Promise.all(
      sizes.map((size) =>
        place('session', `cut-${size}.json`, whole.slice(0, size).replace('whole', `cut-${size}`)),
      ),
    );
    expect(await sessionIds()).toEqual(['whole']);
    expect(logLines).toHaveLength(whole.length);
    for (const line of logLines) expect(line).toMatch(/"damaged session table row dropped"/);
    expect(logLines.join('')).toContain(join(directory, 'session', 'cut-17.json'));
    expect(await readdir(join(directory, 'session'))).toEqual(['whole.json']);
  });

  it('opens whatever bytes are in the files', async () => {
    const valid = Buffer.from(JSON.stringify(sessionRow()));
    const changed = fc.record({ at: fc.nat(valid.length - 1), byte: fc.nat(255) }).map(({ at, byte }) => {
      const bytes = Uint8Array.from(valid);
      bytes[at] = byte;
      return bytes;
    });
    const content = fc.oneof(fc.uint8Array({ maxLength: 300 }), changed, fc.json());
    await fc.assert(
      fc.asyncProperty(content, async (bytes) => {
        await place('session', 's1.json', bytes);
        const ids = await sessionIds();
        expect(ids.every((id) => id === 's1')).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    { name: 'a row under another name', file: 's2.json', content: JSON.stringify(sessionRow()) },
    { name: 'a row of another kind', file: 's1.json', content: JSON.stringify(launchRow()) },
    { name: 'an empty file', file: 's1.json', content: '' },
    { name: 'a huge file', file: 's1.json', content: ' '.repeat(300_000) + JSON.stringify(sessionRow()) },
  ])('drops $name', async ({ file, content }) => {
    await place('session', file, content);
    expect(await sessionIds()).toEqual([]);
    expect(logLines).toHaveLength(1);
  });

  it('removes what interrupted writes left, and nothing that is not its own', async () => {
    await place('session', 's1.json.tmp', 'half');
    await place('session', 's1.json.0b1c.tmp', 'half');
    await place('session', 'README', 'mine');
    expect(await sessionIds()).toEqual([]);
    expect(await readdir(join(directory, 'session'))).toEqual(['README']);
    expect(logLines).toEqual([]);
  });

  it('drops the other rows of a session whose own row is gone', async () => {
    await place('launch', 's1.json', JSON.stringify(launchRow()));
    await place('stream', 's1.json', JSON.stringify({ id: 's1', generation: 1, isPlaying: true }));
    const { reader, stop } = await open();
    expect(await reader.list('launch')).toEqual([]);
    expect(await reader.list('stream')).toEqual([]);
    await stop();
    expect(await readdir(join(directory, 'launch'))).toEqual([]);
  });

  it('goes on without its disk, says so once, and catches up', async () => {
    const { reader, writer, stop } = await open();
    await rm(join(directory, 'stream'), { recursive: true });
    const put = (generation: number): Promise<unknown> =>
      writer('stream').put({ id: 's1', generation, isPlaying: true });
    await put(1);
    await expect.poll(() => logLines.length).toBe(1);
    expect(logLines[0]).toContain('session table row cannot be stored');
    await put(2);
    expect(await reader.get('stream', 's1')).toMatchObject({ generation: 2 });
    await mkdir(join(directory, 'stream'));
    const stored = (): Promise<string> =>
      readFile(join(directory, 'stream', 's1.json'), 'utf8').catch(() => '');
    await expect.poll(stored).toContain('"generation":2');
    expect(logLines).toHaveLength(1);
    await stop();
  });
});
