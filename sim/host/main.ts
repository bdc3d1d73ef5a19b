/**
 * A simulated host as a process of its own (`npm run host`). PINs are typed into it, one per line; it ends with
 * SIGINT or SIGTERM.
 */
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { endOnRequest, readCommandLine, runProgram } from '../../core/runtime/command-line.ts';
import { IpAddress, loadConfig, Port, wholeNumber } from '../../core/runtime/config.ts';
import { createLogger, formatLog, LOG_FORMATS } from '../../core/runtime/log.ts';
import { formatSettings } from '../../core/runtime/settings.ts';
import { MOONLIGHT_PORTS } from '../../core/protocol/moonlight/ports.ts';
import { WOLF_HABITS } from './habits.ts';
import { createSimHost, type SimHost } from './host.ts';

const PIN = /^\d{4}$/;
const SESSIONS_MAX = 32;
const NAMES = { prefix: 'SIM_HOST' };

const USAGE = `npm run host -- [--help] [--version]

A simulated Moonlight host. Type the PINs of clients into it, one per line. Settings are environment variables; defaults
are in brackets:

`;

const SimHostConfig = z.object({
  SIM_HOST_NAME: z.string().min(1).max(64).default('Gleipnir test host').describe('Name that clients show.'),
  SIM_HOST_BIND_ADDRESS: IpAddress.default('127.0.0.1').describe('Address that it listens at.'),
  SIM_HOST_HTTP_PORT: Port.default(MOONLIGHT_PORTS.http).describe('TCP: Moonlight HTTP.'),
  SIM_HOST_HTTPS_PORT: Port.default(MOONLIGHT_PORTS.https).describe('TCP: Moonlight HTTPS.'),
  SIM_HOST_RTSP_PORT: Port.default(MOONLIGHT_PORTS.rtsp).describe('TCP: RTSP.'),
  SIM_HOST_CONTROL_PORT: Port.default(MOONLIGHT_PORTS.control).describe('UDP: ENet control stream.'),
  SIM_HOST_VIDEO_PORT: Port.default(MOONLIGHT_PORTS.video).describe('UDP: video stream.'),
  SIM_HOST_AUDIO_PORT: Port.default(MOONLIGHT_PORTS.audio).describe('UDP: audio stream.'),
  SIM_HOST_SESSIONS_MAX: wholeNumber(1, SESSIONS_MAX).default(4).describe('Sessions at once.'),
  SIM_HOST_FILL: z
    .stringbool('true or false')
    .default(false)
    .describe('Pad frames to the negotiated bitrate.'),
  SIM_HOST_WOLF: z
    .stringbool('true or false')
    .default(false)
    .describe('Behave like Wolf, with all its habits.'),
  SIM_HOST_WOLF_SOCKET: z
    .string()
    .regex(/^\//, 'an absolute path')
    .optional()
    .describe("Path of a Unix socket to offer Wolf's API at; without it, none."),
  SIM_HOST_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  LOG_FORMAT: z.enum(LOG_FORMATS).default('auto').describe('How log lines look.'),
});

async function main(): Promise<void> {
  const usage = (): string => USAGE + formatSettings(SimHostConfig);
  if (readCommandLine({ usage, options: {}, allowPositionals: false }) === undefined) return;
  const config = loadConfig(SimHostConfig, process.env, ['SIM_HOST_']);
  const destination = await formatLog(config.LOG_FORMAT, process.stdout);
  const log = createLogger(config.SIM_HOST_LOG_LEVEL, destination).child({ component: 'sim-host' });
  const host = createSimHost({
    name: config.SIM_HOST_NAME,
    bindAddress: config.SIM_HOST_BIND_ADDRESS,
    ports: {
      http: config.SIM_HOST_HTTP_PORT,
      https: config.SIM_HOST_HTTPS_PORT,
      rtsp: config.SIM_HOST_RTSP_PORT,
      control: config.SIM_HOST_CONTROL_PORT,
      video: config.SIM_HOST_VIDEO_PORT,
      audio: config.SIM_HOST_AUDIO_PORT,
    },
    sessionsMax: config.SIM_HOST_SESSIONS_MAX,
    fill: config.SIM_HOST_FILL,
    habits: config.SIM_HOST_WOLF ? WOLF_HABITS : {},
    ...(config.SIM_HOST_WOLF_SOCKET === undefined ? {} : { wolfSocket: config.SIM_HOST_WOLF_SOCKET }),
    log,
  });
  const ports = await host.start();
  log.info({ bindAddress: config.SIM_HOST_BIND_ADDRESS, ...ports }, 'simulated host is up');
  const lines = readPins(host, log);
  endOnRequest(NAMES, async () => {
    lines.close();
    await host.stop();
  });
}

function readPins(host: SimHost, log: ReturnType<typeof createLogger>): ReturnType<typeof createInterface> {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const pin = line.trim();
    const isTaken = PIN.test(pin) && host.enterPin(pin);
    log.info({ isTaken }, 'line typed');
  });
  return lines;
}

await runProgram(NAMES, main);
