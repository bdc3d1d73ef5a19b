/**
 * Runs a TypeScript entry or an installed tool with the project's own Node, after making sure that the locked
 * dependencies are there. Plain JavaScript without dependencies, so that any Node >= 20 can start it:
 *
 *   node tools/run.mjs appliance/main.ts [arguments]      a file of this repository
 *   node tools/run.mjs vitest run [arguments]             a tool from node_modules/.bin
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findMissing } from './installed.mjs';

const NODE_MAJOR_MIN = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');
// Not through .bin: npm 10 makes no link there for a command called node.
const pinnedName = `node-${process.platform}-${process.arch}`;
const pinned = join(root, 'node_modules', pinnedName, 'bin', 'node');
const isNodeGood = Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN;

/** What of the lockfile is not in node_modules, in words; `undefined` when all is there that is needed. */
function describeMissing() {
  // Where the running Node will do, the pinned one may be left out like every optional package.
  const missing = findMissing(root, isNodeGood ? [] : [pinnedName]);
  if (missing.length === 0) return undefined;
  return missing.length === 1 ? missing[0] : `${missing[0]} and ${missing.length - 1} more`;
}

/** Installs exactly what the lockfile names, unless node_modules already holds that. */
function installDependencies() {
  const missing = describeMissing();
  if (missing === undefined) return;

  const why = existsSync(join(root, 'node_modules')) ? `: node_modules lacks ${missing}` : '';
  process.stderr.write(`Installing the locked dependencies (npm ci)${why} ...\n`);
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const args = [
    'ci',
    '--include=optional',
    '--prefer-offline',
    '--no-fund',
    '--no-audit',
    '--loglevel=error',
  ];
  const { status, error } = spawnSync(npm, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (error === undefined && status === 0) return;
  fail(
    `The dependencies are not there, and npm ci could not install them${error === undefined ? ' (see above)' : `: ${error.message}`}. ` +
      'Run it again with a way to the npm registry; --prefer-offline takes what npm has kept.',
  );
}

/** The pinned Node of node_modules, or the running one where the platform has no pinned build. */
function findNode() {
  if (existsSync(pinned)) return pinned;
  if (isNodeGood) return process.execPath;
  return fail(
    `This is Node ${process.versions.node}, and there is no pinned one for ${process.platform}-${process.arch}: install Node ${NODE_MAJOR_MIN} or later.`,
  );
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

installDependencies();
const [target = '', ...rest] = process.argv.slice(2);
const isFile = /\.[mc]?[jt]s$/.test(target);
const node = findNode();
const child = spawn(node, [isFile ? join(root, target) : join(bin, target), ...rest], {
  cwd: root,
  // The channel closes with this process, however it ends: that is all that it is for.
  stdio: isFile ? ['inherit', 'inherit', 'inherit', 'ipc'] : 'inherit',
  env: { ...process.env, PATH: [dirname(node), bin, process.env['PATH']].join(delimiter) },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) =>
  process.exit(code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1)),
);
child.on('error', (error) => fail(`Cannot run ${target}: ${error.message}`));
