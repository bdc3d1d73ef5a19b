/** The settings by which a process reaches Redis: `REDIS_*`, the same for every part. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { GleipnirError } from '../../runtime/errors.ts';
import { parseRedisAddress, type RedisAddress } from './address.ts';

const FilePath = z.string().min(1);

const Address = z.string().transform((text, context): RedisAddress => {
  const address = parseRedisAddress(text);
  if (address !== undefined) return address;
  context.addIssue({
    code: 'custom',
    message: 'REDIS_URL is no Redis URL (docs/redis.md has the forms), or holds a password.',
  });
  return z.NEVER;
});

/** To be spread into the schema of a process. */
export const REDIS_CONFIG = {
  REDIS_URL: Address.describe(
    'Where Redis is: `redis://host:6379/0`, `redis+sentinel://host1,host2/name` or `redis+cluster://host1,host2`; `rediss` for TLS. Never holds a password.',
  ),
  REDIS_USERNAME: z.string().min(1).optional().describe('ACL user. Without it the default user.'),
  REDIS_PASSWORD_FILE: FilePath.optional().describe('File with the password.'),
  REDIS_SENTINEL_USERNAME: z.string().min(1).optional().describe('ACL user at the Sentinels.'),
  REDIS_SENTINEL_PASSWORD_FILE: FilePath.optional().describe('File with the password at the Sentinels.'),
  REDIS_TLS_CA_FILE: FilePath.optional().describe(
    'PEM file with the authority of the servers. Without it the authorities that Node knows.',
  ),
  REDIS_TLS_CERT_FILE: FilePath.optional().describe('PEM file with our client certificate.'),
  REDIS_TLS_KEY_FILE: FilePath.optional().describe('PEM file with the key of our client certificate.'),
  REDIS_TLS_SERVER_NAME: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Name that the servers’ certificates bear, where Sentinel or Cluster tells their addresses only.',
    ),
  REDIS_PREFIX: z
    .string()
    .regex(/^[!-z]*\{[!-z]+\}[!-~]*$/, 'a text with a hash tag, such as {gleipnir}')
    .default('{gleipnir}')
    .describe('Of every key. Its hash tag keeps a deployment in one slot of a Cluster.'),
};

export type RedisConfig = z.output<z.ZodObject<typeof REDIS_CONFIG>>;

/** How to reach a Redis; holds secrets. */
export interface RedisAccess {
  address: RedisAddress;
  username?: string | undefined;
  password?: string | undefined;
  sentinelUsername?: string | undefined;
  sentinelPassword?: string | undefined;
  tls?: { ca?: string; cert?: string; key?: string; servername?: string } | undefined;
}

/**
 * Reads the files that the settings name. A line end at the end of a password file does not count.
 *
 * @throws GleipnirError CONFIG_INVALID naming the setting whose file cannot be read.
 */
export async function readRedisAccess(config: RedisConfig): Promise<RedisAccess> {
  const [password, sentinelPassword, ca, cert, key] = await Promise.all([
    readSetting(config, 'REDIS_PASSWORD_FILE'),
    readSetting(config, 'REDIS_SENTINEL_PASSWORD_FILE'),
    readSetting(config, 'REDIS_TLS_CA_FILE'),
    readSetting(config, 'REDIS_TLS_CERT_FILE'),
    readSetting(config, 'REDIS_TLS_KEY_FILE'),
  ]);
  const servername = config.REDIS_TLS_SERVER_NAME;
  const tls = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
  };
  return {
    address: config.REDIS_URL,
    username: config.REDIS_USERNAME,
    password,
    sentinelUsername: config.REDIS_SENTINEL_USERNAME,
    sentinelPassword,
    tls: config.REDIS_URL.isTls ? tls : undefined,
  };
}

type FileSetting = Extract<keyof RedisConfig, `${string}_FILE`>;

async function readSetting(config: RedisConfig, name: FileSetting): Promise<string | undefined> {
  const path = config[name];
  if (path === undefined) return undefined;
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    const problems = `${name}: ${(error as NodeJS.ErrnoException).code ?? 'not readable'}`;
    throw new GleipnirError('CONFIG_INVALID', 'A setting is wrong', { problems }, { cause: error });
  }
}
