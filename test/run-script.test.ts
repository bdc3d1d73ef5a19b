/** `tools/run.mjs`: what npm installed is recognised, what is broken is mended or told, and signals reach the program. */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Program, root } from './support/program.ts';

const NO_REGISTRY = {
  npm_config_registry: 'http://127.0.0.1:9',
  npm_config_fetch_retries: '0',
  npm_config_prefer_offline: 'false',
};
const LOCKED = {
  'node_modules/needed': {
    version: '1.0.0',
    resolved: 'http://127.0.0.1:9/needed.tgz',
    integrity: 'sha512-AAAA',
  },
  'node_modules/elsewhere': { version: '1.0.0', optional: true, os: ['plan9'] },
};

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-run-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** A copy of the scripts beside a small lockfile, and node_modules as npm leaves them. */
async function makeTree(installed: Record<string, object> | undefined): Promise<string> {
  const tree = await mkdtemp(join(directory, 'tree-'));
  for (const file of ['run.mjs', 'installed.mjs'])
    await cp(join(root, 'tools', file), join(tree, 'tools', file));
  const manifest = { name: 'tree', version: '1.0.0', dependencies: { needed: '1.0.0' } };
  await writeFile(join(tree, 'package.json'), JSON.stringify(manifest));
  const lock = { name: 'tree', version: '1.0.0', lockfileVersion: 3, packages: { '': manifest, ...LOCKED } };
  await writeFile(join(tree, 'package-lock.json'), JSON.stringify(lock));
  await writeFile(join(tree, 'said.mjs'), 'console.log("ran");');
  await mkdir(join(tree, 'node_modules', 'needed'), { recursive: true });
  await writeFile(join(tree, 'node_modules', 'needed', 'package.json'), '{}');
  if (installed !== undefined) {
    const record = JSON.stringify({ packages: installed });
    await writeFile(join(tree, 'node_modules', '.package-lock.json'), record);
  }
  return tree;
}

async function run(tree: string): Promise<{ code: number | null; text: string }> {
  const script = join(tree, 'tools', 'run.mjs');
  const program = new Program([process.execPath, script, 'said.mjs'], { cwd: tree, env: NO_REGISTRY });
  return { code: await program.end(), text: program.text };
}

describe('tools/run.mjs, without a network', () => {
  const { 'node_modules/needed': needed } = LOCKED;

  it('runs what npm installed, whoever called npm, without packages for other systems', async () => {
    const tree = await makeTree({ 'node_modules/needed': needed });
    expect(await run(tree)).toEqual({ code: 0, text: 'ran\n' });
  });

  it.each([
    { name: 'was cut off', installed: undefined },
    { name: 'is of another lockfile', installed: { 'node_modules/needed': { ...needed, version: '0.9.0' } } },
    { name: 'lacks a package', installed: {} },
  ])('says what is missing, and that it cannot be had, when an install $name', async ({ installed }) => {
    const { code, text } = await run(await makeTree(installed));
    expect(code).toBe(1);
    expect(text).toContain('node_modules lacks node_modules/needed');
    expect(text).toContain('npm ci could not install them');
    expect(text).not.toContain('ran\n');
  });

  it('sees a package that somebody removed', async () => {
    const tree = await makeTree({ 'node_modules/needed': needed });
    await rm(join(tree, 'node_modules', 'needed'), { recursive: true });
    expect((await run(tree)).text).toContain('node_modules lacks node_modules/needed');
  });
});

describe('npm start, ended', () => {
  function start(command: readonly [string, ...string[]]): Program {
    return new Program(command, {
      env: { APPLIANCE_DATA_DIR: join(directory, 'data'), APPLIANCE_HOSTS_FILE: '' },
    });
  }

  /** Whether nobody holds the data folder any more. */
  async function isFree(): Promise<boolean> {
    const next = start([process.execPath, join(root, 'appliance/main.ts')]);
    const isUp = await next.says(/Stop with Ctrl-C/).then(
      () => true,
      () => false,
    );
    await next.end('SIGKILL');
    return isUp;
  }

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with %s to npm alone', async (signal) => {
    const npm = start(['npm', 'start', '--silent']);
    await npm.says(/Stop with Ctrl-C/);
    // Its output closes only when the last process that has it is gone.
    await npm.end(signal);
    expect(await isFree()).toBe(true);
  });

  it('ends when the script that started it is killed', async () => {
    const script = start([process.execPath, join(root, 'tools/run.mjs'), 'appliance/main.ts']);
    await script.says(/Stop with Ctrl-C/);
    await script.end('SIGKILL');
    expect(await isFree()).toBe(true);
  });
});
