/** Kills a process in the middle of its writes, again and again, and opens what it left. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLocalStore } from './local.ts';

/** Patches one object for ever; prints each launchGeneration once its write is acknowledged. */
const WRITER = `
  import { createLocalStore } from ${JSON.stringify(new URL('./local.ts', import.meta.url).href)};
  const store = await createLocalStore({ kind: 'Session', directory: process.argv[1], now: () => new Date() });
  const reference = { name: 'x' };
  const spec = { userReference: reference, pairingReference: reference, gameReference: reference };
  let generation = (await store.get('a'))?.status?.launchGeneration ?? 0;
  if (generation === 0) await store.create({ name: 'a', spec });
  for (;;) {
    generation += 1;
    await store.patchStatus('a', { phase: 'Ready', launchGeneration: generation, message: 'm'.repeat(50_000) });
    process.stdout.write(generation + '\\n');
  }`;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-crash-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

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

describe('createLocalStore', () => {
  it(
    'finds the last acknowledged state, or the one being written, after SIGKILL',
    { timeout: 30_000 },
    async () => {
      for (const acknowledgements of [1, 2, 5, 9]) {
        const last = await writeAndDie(acknowledgements);
        const store = await createLocalStore({ kind: 'Session', directory, now: () => new Date() });
        const found = (await store.get('a'))?.status?.launchGeneration;
        expect([last, last + 1]).toContain(found);
      }
    },
  );
});
