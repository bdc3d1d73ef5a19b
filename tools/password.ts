/**
 * `node tools/password.ts NAME`: reads a password from stdin (its first line) and prints the line for the console's
 * password file.
 */
import { text } from 'node:stream/consumers';
import { readCommandLine, runProgram } from '../core/runtime/command-line.ts';
import { formatPasswordLine } from '../proxy/web/passwords.ts';

const PASSWORD_MIN = 8;
const USAGE =
  `usage: node tools/password.ts NAME < file with the password\n` +
  `A name has 1 to 64 characters, no space, colon or dollar; a password at least ${PASSWORD_MIN}.\n`;

async function main(): Promise<void> {
  const args = readCommandLine({ usage: () => USAGE, options: {}, allowPositionals: true });
  if (args === undefined) return;
  const [name = ''] = args.positionals;
  if (process.stdin.isTTY)
    process.stderr.write('Password (it is shown as you type), then Enter and Ctrl-D: ');
  const [password = ''] = (await text(process.stdin)).split(/\r?\n/, 1);
  const line = password.length < PASSWORD_MIN ? undefined : await formatPasswordLine(name, password);
  if (line === undefined) {
    process.stderr.write(USAGE);
    process.exitCode = 1;
  } else {
    process.stdout.write(`${line}\n`);
  }
}

await runProgram({ prefix: 'APPLIANCE' }, main);
