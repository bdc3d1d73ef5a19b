import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFileIfPresent, writeFileAtomic } from './files.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-files-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** Writes in a process of its own that dies when it calls `dyingCall` of node:fs/promises. */
async function writeAndDie(path: string, content: string, dyingCall: 'rename' | 'open'): Promise<void> {
  const script = `
    import fs from 'node:fs/promises';
    import { syncBuiltinESMExports } from 'node:module';
    fs[process.argv[3]] = () => process.kill(process.pid, 'SIGKILL');
    syncBuiltinESMExports();
    const { writeFileAtomic } = await import(process.argv[4]);
    await writeFileAtomic(process.argv[1], process.argv[2]);`;
  const files = new URL('./files.ts', import.meta.url).href;
  const args = ['--input-type=module', '--eval', script, path, content, dyingCall, files];
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
}

describe('writeFileAtomic', () => {
  it('writes what readFileIfPresent reads, over what was there', async () => {
    const path = join(directory, 'deep', 'er', 'file');
    const contents = fc.oneof(fc.uint8Array({ maxLength: 5_000 }), fc.string());
    await fc.assert(
      fc.asyncProperty(contents, async (content) => {
        await writeFileAtomic(path, content);
        expect(await readFileIfPresent(path)).toEqual(Buffer.from(content as string));
      }),
      { numRuns: 20 },
    );
    expect(await readdir(join(directory, 'deep', 'er'))).toEqual(['file']);
  });

  it('lets nobody else read', async () => {
    const path = join(directory, 'secrets', 'key');
    await writeFileAtomic(path, 'x');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, 'secrets'))).mode & 0o777).toBe(0o700);
  });

  it.each(['open', 'rename'] as const)('leaves the old file when the process dies at %s', async (call) => {
    const path = join(directory, 'file');
    await writeFile(path, 'old');
    await writeAndDie(path, 'new', call);
    expect(await readFile(path, 'utf8')).toBe('old');
    // What the dead process left behind is in nobody's way.
    await writeFileAtomic(path, 'newer');
    expect(await readFile(path, 'utf8')).toBe('newer');
  });

  it('leaves nothing behind when it cannot rename', async () => {
    const path = join(directory, 'file');
    await mkdir(join(path, 'in-the-way'), { recursive: true });
    await expect(writeFileAtomic(path, 'x')).rejects.toThrow();
    expect(await readdir(directory)).toEqual(['file']);
  });

  it('shows readers the old or the new bytes, never a mixture', async () => {
    const path = join(directory, 'file');
    const contents = ['a', 'b'].map((letter) => letter.repeat(200_000));
    await writeFileAtomic(path, contents[0] ?? '');
    const progress = { isDone: false };
    const writing = Promise.all(
      Array.from({ length: 10 }, (_, i) => writeFileAtomic(path, contents[i % 2] ?? '')),
    ).finally(() => {
      progress.isDone = true;
    });
    do expect(contents).toContain(await readFile(path, 'utf8'));
    while (!progress.isDone);
    await writing;
    expect(await readdir(directory)).toEqual(['file']);
  });
});

describe('readFileIfPresent', () => {
  it('gives undefined where there is no file', async () => {
    expect(await readFileIfPresent(join(directory, 'no', 'such'))).toBeUndefined();
  });

  it('throws for what is there and cannot be read', async () => {
    await expect(readFileIfPresent(directory)).rejects.toMatchObject({
      code: 'FILE_UNUSABLE',
      details: { path: directory, reason: 'EISDIR' },
    });
  });
});
