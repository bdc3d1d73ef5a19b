/** `npm run cluster`: every part as processes on this machine, with a Redis, an API server and a demo host. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endOnRequest, readCommandLine, runProgram } from '../../core/runtime/command-line.ts';
import { Cluster } from './cluster.ts';
import { addressesOf, consoleUrls, HOST_ADDRESS } from './layout.ts';
import { whyNoCluster } from './missing.ts';

const CAPACITY = 32;
/** Of the longest name, with a space. */
const NAME_WIDTH = 12;

const usage = (): string => `npm run cluster

Runs two relays, two proxies and two operators as processes on this machine, with a Redis, a Kubernetes API server and a
demo host of their own, and shows one log. A part that ends is started again. Ctrl-C ends all; nothing is kept.
`;

const banner = (): string => {
  const relays = addressesOf('relay');
  const consoles = consoleUrls();
  return `
The cluster is up.

  1. In Moonlight on this machine, add the host ${relays.join(' or ')}.
  2. Type the PIN that Moonlight shows into ${consoles.join(' or ')}.
  3. Start the app "Test card"; a key press changes the picture.

Without a Moonlight, from another terminal:

  npm run client -- pair --host ${relays[0] ?? ''} --pin 1234
  npm run client -- stream --host ${relays[1] ?? ''} --app "Test card" --seconds 10 --quit

End a part (by the process id in front of "is started") and see who notices. Stop all with Ctrl-C; nothing is kept.

`;
};

async function main(): Promise<void> {
  if (readCommandLine({ usage, options: {}, allowPositionals: false }) === undefined) return;
  const missing = whyNoCluster();
  if (missing !== undefined) {
    process.stderr.write(`The cluster cannot run here: ${missing}.\n`);
    process.exit(1);
  }
  const folder = await mkdtemp(join(tmpdir(), 'gleipnir-demo-host-'));
  const wolfSocket = join(folder, 'wolf.sock');
  const cluster = new Cluster({
    hosts: [{ name: 'demo', address: HOST_ADDRESS, httpPort: 47_989, capacity: CAPACITY, wolfSocket }],
    programs: [{ name: 'host', file: 'sim/host/main.ts', env: hostEnvironment(wolfSocket) }],
    logFormat: process.stderr.isTTY ? 'pretty' : 'json',
    onLine: (name, line) => {
      process.stderr.write(`${name.padEnd(NAME_WIDTH)}${line}\n`);
    },
  });
  endOnRequest({ prefix: 'CLUSTER' }, async () => {
    await cluster.stop();
    await rm(folder, { recursive: true, force: true });
  });
  await cluster.start();
  process.stdout.write(banner());
}

function hostEnvironment(wolfSocket: string): Record<string, string> {
  return {
    SIM_HOST_NAME: 'Gleipnir demo',
    SIM_HOST_BIND_ADDRESS: HOST_ADDRESS,
    SIM_HOST_WOLF_SOCKET: wolfSocket,
    SIM_HOST_SESSIONS_MAX: String(CAPACITY),
  };
}

await runProgram({ prefix: 'CLUSTER' }, main);
