/** A proxy as a process: reads the command line and the environment, and runs until it is told to end. */
import { Registry } from 'prom-client';
import { endOnRequest, readCommandLine, runProgram } from '../core/runtime/command-line.ts';
import { loadConfig } from '../core/runtime/config.ts';
import { requireDeploymentKey } from '../core/runtime/deployment-key.ts';
import { createLogger, formatLog } from '../core/runtime/log.ts';
import { createSealer } from '../core/runtime/seal.ts';
import { formatSettings } from '../core/runtime/settings.ts';
import { readRedisAccess } from '../core/session/redis/config.ts';
import { registerRedisMetrics } from '../core/session/redis/metrics.ts';
import { createRedisTable } from '../core/session/redis/table.ts';
import { createKubernetesObjects } from '../core/store/kubernetes/objects.ts';
import { requireHostIdentity } from './identity/identity.ts';
import { createProxyPart, type ProxyPart } from './part.ts';
import { ProxyEnvironment, SETTING_PREFIXES } from './settings.ts';

/** A person waits for every write of a proxy, ms. */
const WRITE_MS = 2_500;
const NAMES = { prefix: 'PROXY' };

const usage = (): string =>
  `npm run proxy\n\nSettings are environment variables; defaults are in brackets:\n\n${formatSettings(ProxyEnvironment)}`;

async function main(): Promise<void> {
  if (readCommandLine({ usage, options: {}, allowPositionals: false }) === undefined) return;
  const proxy = await createPart(loadConfig(ProxyEnvironment, process.env, SETTING_PREFIXES));
  endOnRequest(NAMES, proxy.stop);
  await proxy.start();
}

async function createPart(env: ProxyEnvironment): Promise<ProxyPart> {
  const log = createLogger(env.LOG_LEVEL, await formatLog(env.LOG_FORMAT, process.stderr));
  const register = new Registry();
  const deploymentKey = await requireDeploymentKey(env.DEPLOYMENT_KEY_FILE);
  const objects = createKubernetesObjects(env, register, log, WRITE_MS);
  const table = createRedisTable({
    access: await readRedisAccess(env),
    prefix: env.REDIS_PREFIX,
    name: `proxy-${env.PROXY_NAME}`,
    log: log.child({ component: 'table' }),
  });
  registerRedisMetrics(register, table.stats);
  return createProxyPart({
    env,
    table,
    ...objects,
    deploymentKey,
    identity: await requireHostIdentity({
      directory: env.PROXY_IDENTITY_DIR,
      sealer: createSealer(deploymentKey),
      hostname: env.PROXY_HOSTNAME,
    }),
    register,
    log: log.child({ component: 'proxy' }),
  });
}

await runProgram(NAMES, main);
