/** The appliance as a process: reads the command line, the environment and hosts.yaml, and does what they say. */
import { resolve } from 'node:path';
import { endOnRequest, readCommandLine, runProgram } from '../core/runtime/command-line.ts';
import { loadConfig } from '../core/runtime/config.ts';
import { GleipnirError } from '../core/runtime/errors.ts';
import type { FailureNames } from '../core/runtime/failure.ts';
import { readFileIfPresent } from '../core/runtime/files.ts';
import { formatSettings } from '../core/runtime/settings.ts';
import { ApplianceConfig, SETTING_PREFIXES } from './config.ts';
import { parseHostsFile, type HostsFile } from './hosts-file.ts';

const USAGE = `npm start -- [option]

  --check    says whether the settings and the hosts file are right, and asks each host once; starts and writes nothing
  --unpin    removes what a relay left in the kernel at RELAY_DATAPATH_PIN_FOLDER, and does nothing else
  --version  prints the version
  --help     prints this

Settings are environment variables; defaults are in brackets:

`;

/** Settings that name a file or folder. */
const PATHS = {
  APPLIANCE_DATA_DIR: 'data',
  APPLIANCE_HOSTS_FILE: 'hosts.yaml',
  APPLIANCE_WEB_PASSWORD_FILE: '',
};

const NAMES: FailureNames = { prefix: 'APPLIANCE', settingOfPath };

function settingOfPath(path: string): string | undefined {
  const wanted = resolve(path);
  return Object.entries(PATHS)
    .map(([name, standard]) => ({ name, value: process.env[name] ?? standard }))
    .find(({ value }) => value !== '' && `${wanted}/`.startsWith(`${resolve(value)}/`))?.name;
}

async function main(): Promise<void> {
  const options = { check: { type: 'boolean' }, unpin: { type: 'boolean' } } as const;
  const usage = (): string => USAGE + formatSettings(ApplianceConfig);
  const line = readCommandLine({ usage, options, allowPositionals: false });
  if (line === undefined) return;
  const config = loadConfig(ApplianceConfig, process.env, SETTING_PREFIXES);
  if (line.values.unpin === true) {
    await removePins(config);
    return;
  }
  const hostsFile = await readHostsFile(config);
  if (line.values.check === true) await check(config, hostsFile);
  else await run(config, hostsFile);
}

async function removePins({ datapath: { datapathPinFolder: folder } }: ApplianceConfig): Promise<void> {
  const { unpin } = await import('../relay/datapath/kernel/pins.ts');
  const removed = folder === '' ? undefined : unpin(folder);
  process.stdout.write(
    removed === undefined
      ? 'Nothing is pinned: RELAY_DATAPATH_PIN_FOLDER is not set.\n'
      : `${folder}: ${removed} names removed.\n`,
  );
}

/** @returns `undefined` where none is named and none is there: the demo host runs then. */
async function readHostsFile({ hostsFile: path }: ApplianceConfig): Promise<HostsFile | undefined> {
  const content = await readFileIfPresent(path);
  if (content !== undefined) return parseHostsFile(content.toString('utf8'), path);
  if ((process.env['APPLIANCE_HOSTS_FILE'] ?? '') === '') return undefined;
  throw new GleipnirError('HOSTS_FILE_INVALID', 'The hosts file is not there', {
    problems: `APPLIANCE_HOSTS_FILE names ${path}: correct it, or unset it for the demo host.`,
  });
}

async function check(config: ApplianceConfig, hostsFile: HostsFile | undefined): Promise<void> {
  const { checkSetup } = await import('./check.ts');
  const { text, isGood } = await checkSetup(config, hostsFile);
  process.stdout.write(text);
  process.exitCode = isGood ? 0 : 1;
}

async function run(config: ApplianceConfig, hostsFile: HostsFile | undefined): Promise<void> {
  const { startAppliance } = await import('./start.ts');
  const { stop, sayWhatToDo } = await startAppliance(config, hostsFile);
  endOnRequest(NAMES, stop);
  await sayWhatToDo();
}

await runProgram(NAMES, main);
