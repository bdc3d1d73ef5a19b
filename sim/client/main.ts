/** The simulated client on the command line: one command, one line of JSON on standard output. */
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { parseArgs } from 'node:util';
import { MOONLIGHT_PORTS } from '../../core/protocol/moonlight/ports.ts';
import type { HostApp } from '../../core/host/offer.ts';
import { readCommandLine } from '../../core/runtime/command-line.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import { describeCommandLine, isCommandLineError } from '../../core/runtime/failure.ts';
import { SimClient } from './client.ts';
import { IdentityFile } from './identity-file.ts';
import type { RebindSockets, StreamOptions } from './stream.ts';

const USAGE = `Usage: npm run client -- <command> [options]

  pair    --pin 1234            pair with the host; somebody types the PIN there
  list                          what the host is and which apps it has
  stream  --app NAME|ID         launch the app, or resume the one that runs, and stream it

  --host ADDRESS                127.0.0.1 by default
  --port NUMBER                 HTTP port, ${MOONLIGHT_PORTS.http} by default
  --identity FILE               certificate and key of this client; made if missing (client-identity.json)

  stream only:
  --seconds NUMBER              10 by default
  --width, --height, --fps      1280, 720, 60 by default
  --bitrate KBPS                10000 by default
  --encrypt                     ask for encrypted video and audio
  --corever NUMBER              0, 1 (default), or -1 for a client that does not say
  --input-every MS              press a key every so often
  --rebind-at MS                move sockets to new ports at this time
  --rebind all|media|control|video|audio
  --rebind-address ADDRESS      move them to this local address, too
  --loss PERCENT                drop received media datagrams
  --save FILE.h264              write the decodable frames
  --quit                        end the app afterwards
`;

const OPTIONS = {
  pin: { type: 'string' },
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: String(MOONLIGHT_PORTS.http) },
  identity: { type: 'string', default: 'client-identity.json' },
  app: { type: 'string' },
  seconds: { type: 'string', default: '10' },
  width: { type: 'string', default: '1280' },
  height: { type: 'string', default: '720' },
  fps: { type: 'string', default: '60' },
  bitrate: { type: 'string', default: '10000' },
  encrypt: { type: 'boolean', default: false },
  corever: { type: 'string', default: '1' },
  'input-every': { type: 'string' },
  'rebind-at': { type: 'string' },
  rebind: { type: 'string', default: 'all' },
  'rebind-address': { type: 'string' },
  loss: { type: 'string', default: '0' },
  save: { type: 'string' },
  quit: { type: 'boolean', default: false },
} as const;

const REBIND_SOCKETS: readonly RebindSockets[] = ['all', 'media', 'control', 'video', 'audio'];

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

function toNumber(option: string, text: string): number {
  const value = Number(text);
  if (text === '' || !Number.isFinite(value)) throw invalid(option, 'is no number');
  return value;
}

function invalid(option: string, problem: string): GleipnirError {
  return new GleipnirError('CONFIG_INVALID', 'The command line is wrong', { option, problem });
}

function createClient(values: Values, file: IdentityFile): SimClient {
  const corever = toNumber('corever', values.corever);
  const pinned = file.hostCertificatePem(`${values.host}:${values.port}`);
  return new SimClient({
    address: values.host,
    httpPort: toNumber('port', values.port),
    identity: file.identity,
    ...(pinned !== undefined && { hostCertificatePem: pinned }),
    width: toNumber('width', values.width),
    height: toNumber('height', values.height),
    fps: toNumber('fps', values.fps),
    bitrateKbps: toNumber('bitrate', values.bitrate),
    wantsVideoEncryption: values.encrypt,
    wantsAudioEncryption: values.encrypt,
    corever: corever < 0 ? undefined : corever,
  });
}

async function pair(client: SimClient, values: Values, file: IdentityFile): Promise<object> {
  if (values.pin === undefined) throw invalid('pin', 'is missing');
  await client.pair(values.pin);
  const pem = client.hostCertificatePem;
  if (pem !== undefined) await file.setHostCertificatePem(`${values.host}:${values.port}`, pem);
  return { paired: true };
}

async function list(client: SimClient): Promise<object> {
  const info = await client.serverinfo();
  return { ...info, apps: info.isPaired ? await client.applist() : [] };
}

function readStreamOptions(values: Values): StreamOptions {
  const sockets = REBIND_SOCKETS.find((name) => name === values.rebind);
  if (sockets === undefined) throw invalid('rebind', 'is none of the sockets');
  const localAddress = values['rebind-address'];
  const rebindAt = values['rebind-at'];
  const inputEvery = values['input-every'];
  return {
    seconds: toNumber('seconds', values.seconds),
    mediaLossPercent: toNumber('loss', values.loss),
    rebind: { sockets, ...(localAddress !== undefined && { localAddress }) },
    ...(rebindAt !== undefined && { rebindAtMs: toNumber('rebind-at', rebindAt) }),
    ...(inputEvery !== undefined && { inputEveryMs: toNumber('input-every', inputEvery) }),
  };
}

function findApp(apps: readonly HostApp[], wanted: string | undefined): HostApp {
  const app = apps.find(({ id, title }) => wanted === undefined || title === wanted || String(id) === wanted);
  if (app === undefined) throw new GleipnirError('APP_NOT_FOUND', 'The host has no such app');
  return app;
}

async function stream(client: SimClient, values: Values, signal: AbortSignal): Promise<object> {
  const options = { ...readStreamOptions(values), signal };
  const { currentgame } = await client.serverinfo();
  const app = findApp(await client.applist(), values.app);
  const verb = currentgame === 0 ? 'launch' : 'resume';
  await (currentgame === 0 ? client.launch(app.id) : client.resume(currentgame));
  const file = values.save === undefined ? undefined : createWriteStream(values.save);
  const save = file && { onFrame: (annexB: Uint8Array) => void file.write(annexB) };
  try {
    return { verb, app: app.title, ...(await client.stream({ ...options, ...save })) };
  } finally {
    file?.end();
    if (file !== undefined) await finished(file);
    if (values.quit) await client.cancel();
  }
}

async function run(command: string | undefined, values: Values, signal: AbortSignal): Promise<object> {
  const file = await IdentityFile.open(values.identity);
  const client = createClient(values, file);
  if (command === 'pair') return pair(client, values, file);
  if (command === 'list') return list(client);
  if (command === 'stream') return stream(client, values, signal);
  throw invalid('command', 'is none of pair, list, stream');
}

function describeError(error: unknown): object {
  if (error instanceof GleipnirError) {
    return { error: error.code, message: error.message, details: error.details };
  }
  if (isCommandLineError(error)) {
    return { error: 'CONFIG_INVALID', message: describeCommandLine(error) };
  }
  return { error: 'INTERNAL', message: error instanceof Error ? error.message : 'unknown' };
}

const abort = new AbortController();
process.once('SIGINT', () => {
  abort.abort();
});
process.once('SIGTERM', () => {
  abort.abort();
});
try {
  const line = readCommandLine({ usage: () => USAGE, options: OPTIONS, allowPositionals: true });
  if (line !== undefined) {
    const result = await run(line.positionals[0], line.values, abort.signal);
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
} catch (error) {
  process.stdout.write(`${JSON.stringify(describeError(error))}\n`);
  process.exitCode = 1;
}
