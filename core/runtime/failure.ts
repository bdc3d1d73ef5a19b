/** What a person reads when a program cannot start, or cannot go on: a sentence for each thing that is wrong. */
import { GleipnirError } from './errors.ts';
import { findPortHolder } from './port-holder.ts';
import { describeFileProblem, isSystemError } from './system-errors.ts';

/** What the program calls things. */
export interface FailureNames {
  /** How its settings begin, such as `APPLIANCE`: ports are `<prefix>_HTTP_PORT`, and so on. */
  prefix: string;
  /** The setting that says where this file or folder is, if there is one. */
  settingOfPath?: (path: string) => string | undefined;
}

/**
 * Text that ends in a newline. Only what is a fault of the program itself has a stack: whatever a person's set-up can
 * cause has a code, or comes from the system.
 */
export function describeFailure(error: unknown, names: FailureNames): string {
  if (error instanceof GleipnirError) return describeKnown(error, names);
  if (isCommandLineError(error)) return `${describeCommandLine(error)}.\n`;
  if (isSystemError(error)) {
    const what = error.path ?? error.syscall ?? 'the system';
    return `${what}: ${describeFileProblem(error.code)} (${error.code}).\n`;
  }
  return `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
}

/** What is wrong with the command line, without a full stop. */
export function describeCommandLine({ message }: Error): string {
  return `${message.split('. ', 1)[0] ?? message}: --help shows what there is`;
}

/** Whether node:util's parseArgs made this error. */
export function isCommandLineError(error: unknown): error is Error {
  return (
    error instanceof TypeError && String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS_')
  );
}

function describeKnown(error: GleipnirError, names: FailureNames): string {
  const { code, message, details } = error;
  switch (code) {
    case 'FILE_UNUSABLE':
      return describeFile(details, names);
    case 'PORT_UNAVAILABLE':
      return describePort(details, names);
    case 'DATA_FOLDER_IN_USE': {
      const who = details['pid'] === undefined ? '' : `, process ${String(details['pid'])}`;
      const setting = names.settingOfPath?.(String(details['folder'])) ?? 'another folder';
      return `Another Gleipnir${who}, uses the data folder ${String(details['folder'])}: end it, or give this one a folder of its own (${setting}).\n`;
    }
    default:
      return `${message}${describeDetails(details)}\n`;
  }
}

function describeDetails({ problems, ...facts }: GleipnirError['details']): string {
  const lines = problems === undefined ? [] : String(problems).split('\n');
  const shown = Object.entries(facts).map(([name, value]) => `${name}: ${String(value)}`);
  if (lines.length > 0)
    return [`${shown.length > 0 ? ` (${shown.join(', ')})` : ''}:`, ...lines].join('\n  ');
  return shown.length === 0 ? '.' : ` (${shown.join(', ')}).`;
}

function describeFile({ path, reason }: GleipnirError['details'], { settingOfPath }: FailureNames): string {
  const setting = settingOfPath?.(String(path));
  const where = setting === undefined ? '' : ` The setting for it is ${setting}.`;
  return `${String(path)} cannot be used: ${describeFileProblem(String(reason))} (${String(reason)}).${where}\n`;
}

function describePort(details: GleipnirError['details'], { prefix }: FailureNames): string {
  const { address, reason, listener } = details;
  const port = Number(details['port']);
  const protocol = details['protocol'] === 'UDP' ? 'UDP' : 'TCP';
  const setting = `${prefix}_${String(listener)}_PORT`;
  const addressSetting = `${prefix}_${listener === 'WEB' ? 'WEB' : 'BIND'}_ADDRESS`;
  const begin = `${protocol} port ${port} of ${String(address)} cannot be used: `;
  switch (reason) {
    case 'EADDRINUSE': {
      const holder = findPortHolder(protocol, port);
      const who = holder === undefined ? 'another program' : `${holder.name} (process ${holder.pid})`;
      return `${begin}${who} has it. End that program, or set ${setting} to another port.\n`;
    }
    case 'EACCES':
    case 'EPERM':
      return `${begin}this user may not open ports this low. Set ${setting} to a port from 1024 on.\n`;
    case 'EADDRNOTAVAIL':
      return `${begin}this machine has no such address. Set ${addressSetting} to one that it has, or to 0.0.0.0 for all.\n`;
    case 'EAFNOSUPPORT':
      return `${begin}this machine has no addresses of this kind (is IPv6 off?). Set ${addressSetting} to another.\n`;
    default:
      return `${begin}${describeFileProblem(String(reason))} (${String(reason)}). The settings are ${setting} and ${addressSetting}.\n`;
  }
}
