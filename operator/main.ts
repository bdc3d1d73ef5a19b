/** An operator as a process: reads the command line, the environment and the hosts file, and runs until it is told to end. */
import { Registry } from 'prom-client';
import { endOnRequest, readCommandLine, runProgram } from '../core/runtime/command-line.ts';
import { loadConfig } from '../core/runtime/config.ts';
import { requireDeploymentKey } from '../core/runtime/deployment-key.ts';
import { GleipnirError } from '../core/runtime/errors.ts';
import { readFileIfPresent } from '../core/runtime/files.ts';
import { createLogger, formatLog } from '../core/runtime/log.ts';
import { formatSettings } from '../core/runtime/settings.ts';
import { readRedisAccess } from '../core/session/redis/config.ts';
import { registerRedisMetrics } from '../core/session/redis/metrics.ts';
import { createRedisTable } from '../core/session/redis/table.ts';
import { KubernetesClient } from '../core/store/kubernetes/client.ts';
import { loadCluster } from '../core/store/kubernetes/config.ts';
import { createKubernetesMetrics } from '../core/store/kubernetes/metrics.ts';
import { KubernetesStore } from '../core/store/kubernetes/store.ts';
import { parseHostsFile, type HostsFile } from './hosts/hosts-file.ts';
import { createOperatorPart, type OperatorPart } from './part.ts';
import { OperatorEnvironment, SETTING_PREFIXES } from './settings.ts';

const NAMES = { prefix: 'OPERATOR' };

const usage = (): string =>
  `npm run operator\n\nSettings are environment variables; defaults are in brackets:\n\n${formatSettings(OperatorEnvironment)}`;

async function main(): Promise<void> {
  if (readCommandLine({ usage, options: {}, allowPositionals: false }) === undefined) return;
  const operator = await createPart(loadConfig(OperatorEnvironment, process.env, SETTING_PREFIXES));
  endOnRequest(NAMES, operator.stop);
  await operator.start();
}

async function createPart(env: OperatorEnvironment): Promise<OperatorPart> {
  const log = createLogger(env.LOG_LEVEL, await formatLog(env.LOG_FORMAT, process.stderr));
  const register = new Registry();
  const { kubeConfig, namespace } = loadCluster(env);
  const metrics = createKubernetesMetrics(register);
  const client = new KubernetesClient({ kubeConfig, metrics });
  const shared = { namespace, client, metrics, log: log.child({ component: 'objects' }) };
  const table = createRedisTable({
    access: await readRedisAccess(env),
    prefix: env.REDIS_PREFIX,
    name: `operator-${env.OPERATOR_NAME}`,
    log: log.child({ component: 'table' }),
    mayKeep: () => part.isLeading(),
  });
  registerRedisMetrics(register, table.stats);
  const part = createOperatorPart({
    env,
    hostsFile: await readHostsFile(env.OPERATOR_HOSTS_FILE),
    table,
    stores: {
      User: new KubernetesStore({ ...shared, kind: 'User' }),
      App: new KubernetesStore({ ...shared, kind: 'App' }),
      Pairing: new KubernetesStore({ ...shared, kind: 'Pairing' }),
      Session: new KubernetesStore({ ...shared, kind: 'Session' }),
    },
    client,
    namespace,
    deploymentKey: await requireDeploymentKey(env.DEPLOYMENT_KEY_FILE),
    register,
    log: log.child({ component: 'operator' }),
    onUnfit: (err) => {
      log.fatal({ err }, 'operator ends');
      process.exit(1);
    },
  });
  return part;
}

async function readHostsFile(path: string): Promise<HostsFile> {
  const content = await readFileIfPresent(path);
  if (content !== undefined) return parseHostsFile(content.toString('utf8'), path);
  throw new GleipnirError('HOSTS_FILE_INVALID', 'The hosts file is not there', {
    problems: `OPERATOR_HOSTS_FILE names ${path}: put it there; without hosts it holds "hosts: []".`,
  });
}

await runProgram(NAMES, main);
