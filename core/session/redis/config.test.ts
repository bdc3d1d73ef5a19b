import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfig } from '../../runtime/config.ts';
import type { GleipnirError } from '../../runtime/errors.ts';
import { readRedisAccess, REDIS_CONFIG, type RedisAccess } from './config.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-redis-config-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const read = async (env: Record<string, string | undefined>): Promise<RedisAccess> =>
  readRedisAccess(loadConfig(z.object(REDIS_CONFIG), env));

describe('readRedisAccess', () => {
  it('reads secrets from their files, without the line end', async () => {
    await writeFile(join(directory, 'password'), 'one two \n');
    await writeFile(join(directory, 'ca'), 'PEM\n');
    const access = await read({
      REDIS_URL: 'rediss+sentinel://a/main',
      REDIS_USERNAME: 'proxy',
      REDIS_PASSWORD_FILE: join(directory, 'password'),
      REDIS_TLS_CA_FILE: join(directory, 'ca'),
      REDIS_TLS_SERVER_NAME: 'redis.example',
    });
    expect(access).toMatchObject({
      username: 'proxy',
      password: 'one two ',
      tls: { ca: 'PEM', servername: 'redis.example' },
    });
  });

  it('says which setting names a file that cannot be read', async () => {
    const env = { REDIS_URL: 'redis://a', REDIS_PASSWORD_FILE: join(directory, 'missing') };
    await expect(read(env)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: { problems: 'REDIS_PASSWORD_FILE: ENOENT' },
    });
  });

  it.each([
    ['no URL', 'REDIS_URL is not set', {}],
    ['a URL with a password', 'REDIS_URL is no Redis URL', { REDIS_URL: 'redis://:secret@a' }],
    ['a prefix without a hash tag', 'REDIS_PREFIX is', { REDIS_URL: 'redis://a', REDIS_PREFIX: 'gleipnir' }],
    ['a prefix with a space', 'REDIS_PREFIX is', { REDIS_URL: 'redis://a', REDIS_PREFIX: '{a b}' }],
  ])('refuses %s in words that name the setting, and quotes no secret', async (_name, problem, env) => {
    const refused = await read(env).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'CONFIG_INVALID',
      details: { problems: expect.stringContaining(problem) as string },
    });
    expect(JSON.stringify(refused)).not.toContain('secret');
    expect((refused as GleipnirError).details['problems']).not.toContain('secret');
  });
});
