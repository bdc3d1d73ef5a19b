/**
 * `npm run picture -- [MINUTES]`: the README's picture of the console, docs/console.png. The demo runs in a network
 * namespace of its own, so that nothing of this machine is in the picture; two simulated clients pair through the
 * console and play for ten minutes, or as many as are wanted. Needs chromium, iproute2 and unshare.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { createClientCertificate } from '../core/identity/certificate.ts';
import { readCommandLine, runProgram } from '../core/runtime/command-line.ts';
import { GleipnirError } from '../core/runtime/errors.ts';
import { SimClient } from '../sim/client/client.ts';
import { openBrowser } from '../test/support/browser.ts';

const root = join(import.meta.dirname, '..');
const TARGET = join(root, 'docs', 'console.png');
const BYTES_MAX = 200 * 1024;
const ADDRESS = '192.168.1.7';
const CONSOLE = 'http://127.0.0.1:47990/';
/** Gives the namespace an address, as a machine at home has one, and goes on in it. */
const ENTER = `ip link set lo up && ip link add eth0 type veth peer name away && ip link set away up &&
  ip addr add ${ADDRESS}/24 dev eth0 && ip link set eth0 up && exec "$0" "$@"`;

const PLAYERS = [
  { name: 'Living room TV', person: 'alice', width: 1280, height: 720, bitrateKbps: 18_000 },
  { name: 'Steam Deck', person: 'bob', width: 1280, height: 720, bitrateKbps: 9_000 },
];

/** Starts the demo in an empty folder, and resolves when it is up. @returns how to stop it. */
async function startDemo(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'gleipnir-picture-'));
  const env = { ...process.env, RELAY_DATAPATH: 'userspace' };
  const child = spawn(process.execPath, [join(root, 'appliance/main.ts')], { cwd: folder, env });
  child.stderr.resume();
  for await (const line of createInterface({ input: child.stdout })) if (line.includes('Ctrl-C')) break;
  return async () => {
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
    await rm(folder, { recursive: true });
  };
}

/** Pairs as a person does: with the PIN, a name and a person typed into the console. */
async function pair(page: Page, { name, person, ...picture }: (typeof PLAYERS)[number]): Promise<SimClient> {
  const identity = await createClientCertificate();
  const client = new SimClient({ address: ADDRESS, httpPort: 47_989, identity, ...picture });
  await page.goto(CONSOLE);
  const paired = client.pair('1234');
  await page.getByLabel(/^PIN that/).fill('1234');
  await page.getByLabel('Name of the client').fill(name);
  await page.getByLabel('Person').fill(person);
  await page.getByRole('button', { name: 'Pair this client' }).click();
  await paired;
  return client;
}

async function takePicture(minutes: number): Promise<void> {
  const stop = await startDemo();
  const browser = await openBrowser({ viewport: { width: 1060, height: 800 }, colorScheme: 'light' });
  try {
    const page = await browser.context.newPage();
    const seconds = minutes * 60;
    const over = new AbortController();
    const streams = [];
    for (const player of PLAYERS) {
      const client = await pair(page, player);
      const [app] = await client.applist();
      await client.launch(app?.id ?? 0);
      streams.push(
        client.stream({ seconds: 2 * seconds, signal: over.signal }).finally(() => client.cancel()),
      );
      // The second comes when the first has played for a third of the time.
      await delay(streams.length === 1 ? (seconds * 1000) / 3 : (seconds * 2000) / 3);
    }
    await page.goto(CONSOLE, { waitUntil: 'networkidle' });
    await page.screenshot({ path: TARGET, fullPage: true });
    over.abort();
    await Promise.all(streams);
  } finally {
    await browser.close();
    await stop();
  }
  const { size } = await stat(TARGET);
  process.stdout.write(`${TARGET}: ${size} bytes\n`);
  if (size > BYTES_MAX) throw new Error(`the picture has more than ${BYTES_MAX} bytes`);
}

const usage = (): string => `npm run picture -- [MINUTES]

Takes the README's picture of the console, docs/console.png, after two clients played the demo for 10 minutes, or as
many as are wanted. Needs chromium, iproute2 and unshare.
`;

async function main(): Promise<void> {
  /** `inside` tells the one in the namespace. */
  const options = { inside: { type: 'boolean', default: false } } as const;
  const line = readCommandLine({ usage, options, allowPositionals: true });
  if (line === undefined) return;
  const [minutes = '10'] = line.positionals;
  if (!(Number(minutes) > 0)) {
    throw new GleipnirError('CONFIG_INVALID', 'MINUTES must be a number above zero', { problems: minutes });
  }
  if (line.values.inside) {
    await takePicture(Number(minutes));
    return;
  }
  const again = [process.execPath, import.meta.filename, '--inside', minutes];
  const child = spawn('unshare', ['-rn', 'sh', '-c', ENTER, ...again], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
}

await runProgram({ prefix: 'APPLIANCE' }, main);
