/** The root logger. Children carry context; messages are constant, facts are fields, secrets are redacted here. */
import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger };

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
