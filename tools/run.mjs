/**
 * Runs a TypeScript entry or an installed tool with the project's own Node, after making sure that the locked
 * dependencies are there. Plain JavaScript without dependencies, so that any Node >= 20 can start it:
 *
 *   node tools/run.mjs appliance/main.ts [arguments]      a file of this repository
 *   node tools/run.mjs vitest run [arguments]             a tool from node_modules/.bin
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR_MIN = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');
const stamp = join(root, 'node_modules', '.installed-lockfile');

function lockfileDigest() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

/** Installs exactly what the lockfile names, unless node_modules already holds that. */
function installDependencies() {
  const wanted = lockfileDigest();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;

  process.stderr.write('Installing the locked dependencies (npm ci) ...\n');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status, error } = spawnSync(npm, ['ci', '--no-fund', '--no-audit', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (error !== undefined || status !== 0) {
    process.stderr.write(`npm ci failed${error === undefined ? '' : `: ${error.message}`}\n`);
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}

/** The pinned Node of node_modules, or the running one where the platform has no pinned build. */
function findNode() {
  // Not through .bin: npm 10 makes no link there for a command called node.
  const pinned = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (existsSync(pinned)) return pinned;
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) return process.execPath;
  process.stderr.write(
    `No pinned Node for ${process.platform}-${process.arch}: install Node ${NODE_MAJOR_MIN}.\n`,
  );
  process.exit(1);
}

installDependencies();
const [target = '', ...rest] = process.argv.slice(2);
const isFile = /\.[mc]?[jt]s$/.test(target);
const node = findNode();
const child = spawn(node, [isFile ? join(root, target) : join(bin, target), ...rest], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: [dirname(node), bin, process.env['PATH']].join(delimiter) },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) =>
  process.exit(code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1)),
);
child.on('error', (error) => {
  process.stderr.write(`Cannot run ${target}: ${error.message}\n`);
  process.exit(1);
});
