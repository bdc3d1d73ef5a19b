/** A relay as a process: reads the command line and the environment, and runs until it is told to end. */
import { endOnRequest, readCommandLine, runProgram } from '../core/runtime/command-line.ts';
import { loadConfig } from '../core/runtime/config.ts';
import { requireDeploymentKey } from '../core/runtime/deployment-key.ts';
import { createLogger, formatLog } from '../core/runtime/log.ts';
import { formatSettings } from '../core/runtime/settings.ts';
import { readRedisAccess } from '../core/session/redis/config.ts';
import { createRedisTable } from '../core/session/redis/table.ts';
import { createRelayPart } from './part.ts';
import { RelayEnvironment, SETTING_PREFIXES } from './settings.ts';

const NAMES = { prefix: 'RELAY' };

const usage = (): string =>
  `npm run relay\n\nSettings are environment variables; defaults are in brackets:\n\n${formatSettings(RelayEnvironment)}`;

async function main(): Promise<void> {
  if (readCommandLine({ usage, options: {}, allowPositionals: false }) === undefined) return;
  const env = loadConfig(RelayEnvironment, process.env, SETTING_PREFIXES);
  const log = createLogger(env.LOG_LEVEL, await formatLog(env.LOG_FORMAT, process.stderr));
  const table = createRedisTable({
    access: await readRedisAccess(env),
    prefix: env.REDIS_PREFIX,
    name: `relay-${env.RELAY_NAME}`,
    kinds: ['session', 'stream', 'flow'],
    log: log.child({ component: 'table' }),
  });
  const deploymentKey = await requireDeploymentKey(env.DEPLOYMENT_KEY_FILE);
  const relay = createRelayPart({ env, table, deploymentKey, log: log.child({ component: 'relay' }) });
  endOnRequest(NAMES, relay.stop);
  await relay.start();
}

await runProgram(NAMES, main);
