import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdFolder } from './folder-lock.ts';

let parent: string;
let folder: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'gleipnir-lock-'));
  folder = join(parent, 'data');
});

afterEach(async () => {
  await rm(parent, { recursive: true });
});

/** Another process that holds the folder. */
async function startHolder(): Promise<ChildProcess> {
  const script = `
    const { holdFolder } = await import(process.argv[2]);
    await holdFolder(process.argv[1]);
    process.stdout.write('held');
    setInterval(() => undefined, 60_000);`;
  const module = new URL('./folder-lock.ts', import.meta.url).href;
  const args = ['--input-type=module', '--eval', script, folder, module];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

/** Names, sizes and times of what is in the folder. */
async function look(): Promise<unknown> {
  const names = (await readdir(folder)).sort();
  return Promise.all(names.map(async (name) => [name, (await stat(join(folder, name))).mtimeMs]));
}

describe('holdFolder', { timeout: 20_000 }, () => {
  it('refuses a folder that another process holds, says which, and writes nothing', async () => {
    const holder = await startHolder();
    const before = await look();
    await expect(holdFolder(folder)).rejects.toMatchObject({
      code: 'DATA_FOLDER_IN_USE',
      details: { folder, pid: holder.pid },
    });
    expect(await look()).toEqual(before);
    holder.kill();
    await once(holder, 'exit');
  });

  it('gets it at once when that process was killed', async () => {
    const holder = await startHolder();
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const { release } = await holdFolder(folder);
    expect(await readFile(join(folder, 'lock.pid'), 'utf8')).toBe(`${process.pid}\n`);
    release();
  });

  it('gives it back', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { release } = await holdFolder(folder);
      await expect(holdFolder(folder)).rejects.toMatchObject({ code: 'DATA_FOLDER_IN_USE' });
      release();
    }
  });

  it('says what is wrong with a folder that is none', async () => {
    await writeFile(folder, 'a file');
    await expect(holdFolder(folder)).rejects.toMatchObject({
      code: 'FILE_UNUSABLE',
      details: { path: folder, reason: 'EEXIST' },
    });
  });
});
