/** The root logger. Children carry context; messages are constant, facts are fields, secrets are redacted here. */
import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger };

/** How log lines look. auto: for people on a terminal, JSON elsewhere. */
export const LOG_FORMATS = ['auto', 'pretty', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Field names that never reach a log line, at the first three levels of an entry. */
const SECRET_FIELDS = [
  'rikey',
  'rikeyid',
  'pin',
  'aesKey',
  'privateKey',
  'privateKeyPem',
  'authorization',
  'cookie',
  'password',
  'clientcert',
  'salt',
];

/** Logs JSON lines to `destination` (stdout by default) at `level` and above. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const paths = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);
  const options = { level, base: null, redact: { paths, censor: '[redacted]' } };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** What `formatLog` writes to. */
export interface LogTarget extends DestinationStream {
  isTTY?: boolean;
  /** As of `tty.WriteStream`. */
  hasColors?: () => boolean;
}

/**
 * Where a logger writes to, so that its lines reach `target` in the format. What makes them readable is loaded only
 * when it is used.
 */
export async function formatLog(format: LogFormat, target: LogTarget): Promise<DestinationStream> {
  const isPretty = format === 'pretty' || (format === 'auto' && target.isTTY === true);
  if (!isPretty) return target;
  const { prettyFactory } = await import('pino-pretty');
  const toText = prettyFactory({
    colorize: target.hasColors?.() === true,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'component',
    messageFormat: '{if component}{component}: {end}{msg}',
  });
  return {
    write: (line) => {
      target.write(toText(line));
    },
  };
}
