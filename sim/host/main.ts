/**
 * A simulated host as a process of its own (`npm run host`). PINs are typed into it, one per line; it ends with
 * SIGINT or SIGTERM.
 */
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { loadConfig, Port } from '../../core/runtime/config.ts';
import { createLogger } from '../../core/runtime/log.ts';
import { MOONLIGHT_PORTS } from '../../core/protocol/moonlight/ports.ts';
import { WOLF_HABITS } from './habits.ts';
import { createSimHost } from './host.ts';

const PIN = /^\d{4}$/;

const SimHostConfig = z.object({
  SIM_HOST_NAME: z.string().min(1).max(64).default('Gleipnir test host'),
  SIM_HOST_BIND_ADDRESS: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1'),
  SIM_HOST_HTTP_PORT: Port.default(MOONLIGHT_PORTS.http),
  SIM_HOST_HTTPS_PORT: Port.default(MOONLIGHT_PORTS.https),
  SIM_HOST_RTSP_PORT: Port.default(MOONLIGHT_PORTS.rtsp),
  SIM_HOST_CONTROL_PORT: Port.default(MOONLIGHT_PORTS.control),
  SIM_HOST_VIDEO_PORT: Port.default(MOONLIGHT_PORTS.video),
  SIM_HOST_AUDIO_PORT: Port.default(MOONLIGHT_PORTS.audio),
  SIM_HOST_SESSIONS_MAX: z.coerce.number().int().positive().max(32).default(4),
  SIM_HOST_FILL: z.stringbool().default(false).describe('Pad frames to the negotiated bitrate.'),
  SIM_HOST_WOLF: z.stringbool().default(false).describe('Behave like Wolf, with all its habits.'),
  SIM_HOST_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

const config = loadConfig(SimHostConfig, process.env);
const log = createLogger(config.SIM_HOST_LOG_LEVEL).child({ component: 'sim-host' });
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
  log,
});

const ports = await host.start();
log.info({ bindAddress: config.SIM_HOST_BIND_ADDRESS, ...ports }, 'simulated host is up');

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const pin = line.trim();
  const isTaken = PIN.test(pin) && host.enterPin(pin);
  log.info({ isTaken }, 'line typed');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    lines.close();
    void host.stop().then(() => process.exit(0));
  });
}
