/** `npm start -- --check`: what a start would meet. It asks each host once, starts nothing and writes nothing. */
import { access, constants } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { createHostDriver } from '../core/host/driver.ts';
import { PairingQueue } from '../core/host/pairing-queue.ts';
import { createLogger } from '../core/runtime/log.ts';
import { isSystemError, workOnFile } from '../core/runtime/system-errors.ts';
import { describeHostProblem } from '../operator/hosts/problem.ts';
import type { HostSpec } from '../operator/hosts/types.ts';
import { checkAccess } from '../proxy/web/access.ts';
import type { ApplianceConfig } from './config.ts';
import type { HostsFile } from './hosts-file.ts';

/** Nobody in particular: who a host is, it tells everybody. */
const STRANGER = {
  identity: { certificatePem: '', privateKeyPem: '' },
  hostCertificatePem: undefined,
  setHostCertificate: () => Promise.resolve(),
};

/** What was found: a text of lines, and whether a start would go well and every host be there. */
export interface Findings {
  text: string;
  isGood: boolean;
}

/**
 * Looks at everything that can be looked at from outside; settings and hosts file were read before.
 *
 * @param hostsFile `undefined`: there is none, and the demo host would run.
 * @throws GleipnirError CONFIG_INVALID, FILE_UNUSABLE
 */
export async function checkSetup(
  config: ApplianceConfig,
  hostsFile: HostsFile | undefined,
): Promise<Findings> {
  checkAccess(config.web);
  await checkDataFolder(config.dataDir);
  const hosts = hostsFile?.hosts ?? [];
  const answers = await Promise.all(hosts.map(askHost));
  const lines = [
    'The settings are right.',
    `Data folder: ${resolve(config.dataDir)} can be used.`,
    hostsFile === undefined
      ? `Hosts: there is no ${config.hostsFile}, so that the demo host runs.`
      : `Hosts: ${config.hostsFile} is right.`,
    ...answers.map(({ line }) => line),
  ];
  return { text: `${lines.join('\n')}\n`, isGood: answers.every(({ isGood }) => isGood) };
}

/** The folder, or the one in which it would be made. */
async function checkDataFolder(folder: string): Promise<void> {
  try {
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const parent = dirname(resolve(folder));
    if (isSystemError(error) && error.code === 'ENOENT' && parent !== folder) {
      await checkDataFolder(parent);
      return;
    }
    await workOnFile(folder, () => Promise.reject(error as Error));
  }
}

async function askHost({ name, address, httpPort }: HostSpec): Promise<{ line: string; isGood: boolean }> {
  const driver = createHostDriver({
    hostName: name,
    endpoint: { address, httpPort },
    identity: STRANGER,
    pairingQueue: new PairingQueue(),
    log: createLogger('silent'),
  });
  try {
    const { hostname, appversion } = await driver.serverinfo();
    return {
      line: `  ${name}: ${JSON.stringify(hostname)} answers at ${address} (${appversion}).`,
      isGood: true,
    };
  } catch (error) {
    return {
      line: `  ${name}: ${describeHostProblem(error)} (${address}, port ${httpPort}).`,
      isGood: false,
    };
  }
}
