import { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GleipnirError } from './errors.ts';
import { createLogger, formatLog, type Logger, type LogFormat } from './log.ts';

const SECRETS = [
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

const PLANTED = 'planted-secret';

/** What `write` logs, as one text. */
function logged(write: (log: Logger) => void, level = 'debug'): string {
  let text = '';
  const destination = new Writable({
    write: (chunk: Buffer, _, done) => {
      text += chunk.toString();
      done();
    },
  });
  write(createLogger(level, destination));
  return text;
}

describe('createLogger', () => {
  it('writes one JSON line per entry, with facts as fields', () => {
    const lines = logged((log) => {
      log.info({ sessionId: 's1' }, 'session started');
      log.child({ component: 'relay' }).warn('slot taken');
    });
    const [first, second] = lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toMatchObject({ msg: 'session started', sessionId: 's1' });
    expect(second).toMatchObject({ msg: 'slot taken', component: 'relay' });
  });

  it('keeps quiet below its level', () => {
    const write = (log: Logger): void => {
      log.info('no');
    };
    expect(logged(write, 'warn')).toBe('');
  });

  it.each(SECRETS)('never writes %s, at the first three levels', (name) => {
    const secret = { [name]: PLANTED };
    const text = logged((log) => {
      log.info(secret, 'one');
      log.info({ request: secret }, 'two');
      log.info({ request: { query: secret } }, 'three');
      log.child({ request: secret }).info('child');
      log.error({ err: new GleipnirError('HOST_REFUSED', 'The host refused', secret) }, 'error');
    });
    expect(text).not.toContain(PLANTED);
    expect(text.match(/\[redacted\]/g)).toHaveLength(5);
  });

  it('leaves all else as it is, whatever it is', () => {
    const name = fc.string().filter((text) => !SECRETS.includes(text) && !isOwn(text));
    fc.assert(
      fc.property(name, fc.string(), (field, value) => {
        const text = logged((log) => {
          log.info({ facts: { [field]: value } }, 'fact');
        });
        expect((JSON.parse(text) as { facts: unknown }).facts).toEqual({ [field]: value });
      }),
    );
  });
});

describe('formatLog', () => {
  async function lineOf(format: LogFormat, isTTY: boolean): Promise<string> {
    let text = '';
    const target = { isTTY, write: (line: string) => (text += line) };
    const log = createLogger('info', await formatLog(format, target));
    log.child({ component: 'relay' }).info({ port: 47_999, pin: PLANTED }, 'relay is listening');
    return text;
  }

  it.each([
    { format: 'auto', isTTY: true },
    { format: 'pretty', isTTY: false },
  ] as const)('is for people with $format, terminal $isTTY', async ({ format, isTTY }) => {
    expect(await lineOf(format, isTTY)).toMatch(
      /^\[\d\d:\d\d:\d\d\] INFO: relay: relay is listening \{"port":47999,"pin":"\[redacted\]"\}\n$/,
    );
  });

  it.each([
    { format: 'auto', isTTY: false },
    { format: 'json', isTTY: true },
  ] as const)('is JSON with $format, terminal $isTTY', async ({ format, isTTY }) => {
    expect(JSON.parse(await lineOf(format, isTTY))).toMatchObject({ component: 'relay', port: 47_999 });
  });
});

/** Names that mean something else to JavaScript objects. */
function isOwn(name: string): boolean {
  return name in {} || name === 'toJSON';
}
