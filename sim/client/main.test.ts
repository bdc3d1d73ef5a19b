/** The command line, as a process of its own. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createSimHost, type SimHost } from '../host/host.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

describe('sim/client/main.ts', () => {
  let directory: string;
  let host: SimHost;
  let port: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sim-client-'));
    host = createSimHost();
    port = String((await host.start()).http);
  });
  afterAll(async () => {
    await host.stop();
    await rm(directory, { recursive: true });
  });

  function run(...args: string[]): Promise<{ code: number; stdout: string }> {
    const options = ['--port', port, '--identity', join(directory, 'identity.json')];
    return new Promise((resolve) => {
      execFile(process.execPath, [MAIN, ...options, ...args], (error, stdout) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout });
      });
    });
  }

  const parse = (stdout: string): Record<string, unknown> => {
    expect(stdout.trim().split('\n')).toHaveLength(1);
    return z.record(z.string(), z.unknown()).parse(JSON.parse(stdout));
  };

  it('pairs, lists and streams, one line of JSON each', async () => {
    const unpaired = await run('list');
    expect(parse(unpaired.stdout)).toMatchObject({ isPaired: false, apps: [] });

    const pairing = run('pair', '--pin', '1234');
    await expect.poll(() => host.enterPin('1234')).toBe(true);
    expect(parse((await pairing).stdout)).toEqual({ paired: true });

    const listed = await run('list');
    expect(parse(listed.stdout)).toMatchObject({ isPaired: true, apps: [{ title: 'Test card' }] });

    const video = join(directory, 'video.h264');
    const streamed = await run('stream', '--app', 'Test card', '--seconds', '0.5', '--save', video, '--quit');
    expect(parse(streamed.stdout)).toMatchObject({
      verb: 'launch',
      app: 'Test card',
      end: 'stopped',
      framesLost: 0,
    });
    expect((await readFile(video)).subarray(0, 4)).toEqual(Buffer.from([0, 0, 0, 1]));
    expect(host.sessions()).toEqual([]);
  });

  it.each([
    { name: 'an unknown command', args: ['dance'], error: 'CONFIG_INVALID' },
    { name: 'a missing PIN', args: ['pair'], error: 'CONFIG_INVALID' },
    { name: 'a number that is none', args: ['stream', '--seconds', 'x'], error: 'CONFIG_INVALID' },
    { name: 'an unknown option', args: ['list', '--nonsense'], error: 'CONFIG_INVALID' },
  ])('says what is wrong with $name', async ({ args, error }) => {
    const { code, stdout } = await run(...args);
    expect(code).toBe(1);
    expect(parse(stdout)).toMatchObject({ error });
  });

  it('names a damaged identity file', async () => {
    const path = join(directory, 'damaged.json');
    await writeFile(path, '{"certificatePem": 1}');
    const { stdout } = await run('list', '--identity', path);
    expect(parse(stdout)).toMatchObject({ error: 'IDENTITY_CORRUPT', details: { path } });
  });
});
