import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { platform } from 'node:os';
import { parseArgs } from 'node:util';
import { describe, expect, it } from 'vitest';
import { GleipnirError } from './errors.ts';
import { describeFailure } from './failure.ts';
import { portUnavailable, workOnFile, type PortFacts } from './system-errors.ts';

const NAMES = {
  prefix: 'APPLIANCE',
  settingOfPath: (path: string) => (path.startsWith('/data') ? 'APPLIANCE_DATA_DIR' : undefined),
};

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: whatever`), { code, errno: -1, syscall: 'open' });
}

async function caught(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

const FILE_CODES = [
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOSPC',
  'ENOTDIR',
  'EISDIR',
  'EEXIST',
  'EMFILE',
  'ENOENT',
  'EIO',
];

describe('describeFailure', () => {
  it.each(FILE_CODES)('makes one sentence of %s at a file, with path, remedy and setting', async (code) => {
    const error = await caught(() => workOnFile('/data/x', () => Promise.reject(systemError(code))));
    const text = describeFailure(error, NAMES);
    expect(text).toMatch(
      new RegExp(
        `^/data/x cannot be used: [^:]+: .+ \\(${code}\\)\\. The setting for it is APPLIANCE_DATA_DIR\\.\n$`,
      ),
    );
  });

  it('makes a sentence of what the system says elsewhere', () => {
    expect(describeFailure(systemError('EMFILE'), NAMES)).toMatch(/^open: .* \(EMFILE\)\.\n$/);
  });

  it.each([
    {
      reason: 'EACCES',
      expected: /may not open ports this low\. Set APPLIANCE_VIDEO_PORT to a port from 1024 on/,
    },
    { reason: 'EADDRNOTAVAIL', expected: /no such address\. Set APPLIANCE_BIND_ADDRESS to one/ },
    { reason: 'EAFNOSUPPORT', expected: /APPLIANCE_BIND_ADDRESS/ },
    { reason: 'ENOBUFS', expected: /\(ENOBUFS\).*APPLIANCE_VIDEO_PORT/ },
  ])('says why a port cannot be bound, and which setting it is: $reason', ({ reason, expected }) => {
    const facts: PortFacts = { protocol: 'UDP', listener: 'VIDEO', address: '192.0.2.1', port: 80 };
    const text = describeFailure(portUnavailable(facts, systemError(reason)), NAMES);
    expect(text).toMatch(/^UDP port 80 of 192\.0\.2\.1 cannot be used: /);
    expect(text).toMatch(expected);
  });

  it('names the address setting of the console for its port', () => {
    const facts: PortFacts = { protocol: 'TCP', listener: 'WEB', address: '192.0.2.1', port: 80 };
    const text = describeFailure(portUnavailable(facts, systemError('EADDRNOTAVAIL')), NAMES);
    expect(text).toContain('APPLIANCE_WEB_ADDRESS');
  });

  it.skipIf(platform() !== 'linux')('names the program that holds a port', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await Promise.all([once(server, 'listening'), once(socket, 'listening')]);
    const taken = [
      { protocol: 'TCP', port: (server.address() as AddressInfo).port },
      { protocol: 'UDP', port: socket.address().port },
    ] as const;
    for (const { protocol, port } of taken) {
      const facts: PortFacts = { protocol, listener: 'HTTP', address: '127.0.0.1', port };
      const text = describeFailure(portUnavailable(facts, systemError('EADDRINUSE')), NAMES);
      expect(text).toContain(`(process ${process.pid}) has it. End that program, or set APPLIANCE_HTTP_PORT`);
    }
    server.close();
    socket.close();
  });

  it('says who uses the data folder', () => {
    const error = new GleipnirError('DATA_FOLDER_IN_USE', 'in use', { folder: '/data', pid: 7 });
    expect(describeFailure(error, NAMES)).toMatch(
      /^Another Gleipnir, process 7, uses .*APPLIANCE_DATA_DIR\)\.\n$/,
    );
  });

  it('lists every problem of a configuration, each on a line', () => {
    const error = new GleipnirError('CONFIG_INVALID', 'A setting is wrong', { problems: 'a\nb' });
    expect(describeFailure(error, NAMES)).toBe('A setting is wrong:\n  a\n  b\n');
  });

  it('points to --help for an option that is not there', async () => {
    const error = await caught(() => parseArgs({ args: ['--nonsense'], options: {} }));
    expect(describeFailure(error, NAMES)).toBe("Unknown option '--nonsense': --help shows what there is.\n");
  });

  it('shows the stack of nothing but a fault of the program', () => {
    expect(describeFailure(new TypeError('x is undefined'), NAMES)).toMatch(
      /TypeError: x is undefined\n +at /,
    );
  });
});
