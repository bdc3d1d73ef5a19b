/** A real HAProxy or nginx of the distribution, with a configuration of a test's own, in the foreground on loopback. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type BalancerName = 'haproxy' | 'nginx';

export interface Balancer {
  stop: () => Promise<void>;
}

/** Debian keeps both in /usr/sbin, which is not on everybody's PATH. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin`;

export function isInstalled(name: BalancerName): boolean {
  return spawnSync(name, ['-v'], { env: { PATH } }).status === 0;
}

/** Resolves when `ports` of 127.0.0.1 take connections. */
export async function startBalancer(
  name: BalancerName,
  config: (directory: string) => string,
  ports: readonly number[],
): Promise<Balancer> {
  const directory = mkdtempSync(join(tmpdir(), `gleipnir-${name}-`));
  const file = join(directory, 'config');
  writeFileSync(file, `${config(directory)}\n`);
  const args = name === 'haproxy' ? ['-db', '-f', file] : ['-p', directory, '-e', 'stderr', '-c', file];
  const child = spawn(name, args, { env: { PATH }, stdio: ['ignore', 'ignore', 'pipe'] });
  const said: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(String(chunk)));
  try {
    for (const port of ports) await untilListening(port, child);
  } catch (cause) {
    throw new Error(`${name} did not start: ${said.join('')}`, { cause });
  }
  return {
    stop: async () => {
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const socket = connect({ port, host: '127.0.0.1' });
    const isUp = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('it has ended');
}
