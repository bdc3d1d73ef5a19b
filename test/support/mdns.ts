/** Real avahi daemons in namespaces: what another machine on the network sees of a service, and has of its own. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Member } from './netns.ts';

const PROGRAMS = ['avahi-daemon', 'avahi-browse', 'avahi-publish', 'avahi-resolve', 'dbus-daemon'];

/** Why no avahi can be had here, or `undefined` where it can. */
export function whyNoAvahi(): string | undefined {
  const missing = PROGRAMS.filter((program) => {
    try {
      execFileSync('sh', ['-c', `command -v ${program}`]);
      return false;
    } catch {
      return true;
    }
  });
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
}

/** A resolved service as `avahi-browse --parsable` prints it. */
export interface SeenService {
  protocol: 'IPv4' | 'IPv6';
  name: string;
  host: string;
  address: string;
  port: number;
}

/** A machine with an avahi of its own. */
export interface AvahiMachine {
  /** All services of the type, asked for anew. */
  browse: (type: string) => Promise<SeenService[]>;
  /** The address of this family that a name has. */
  resolve: (host: string, family: 'IPv4' | 'IPv6') => Promise<string>;
  /** Resolves when the running browser has said a line that is `wanted`: `+` came, `=` resolved, `-` went. */
  watch: (type: string) => { line: (wanted: RegExp) => Promise<string> };
  /** Announces a service of its own; resolves when it has its name. */
  publish: (name: string, type: string, port: number) => Promise<void>;
  close: () => Promise<void>;
}

/** Starts bus and daemon in the namespace; both end with it. Its interface must be `eth0`. */
export async function startAvahi(member: Member, hostname: string): Promise<AvahiMachine> {
  const directory = await mkdtemp(join(tmpdir(), 'gleipnir-avahi-'));
  const bus = join(directory, 'bus');
  await writeFile(join(directory, 'bus.conf'), busConfig(bus));
  await writeFile(
    join(directory, 'avahi.conf'),
    `[server]\nhost-name=${hostname}\nallow-interfaces=eth0\nuse-ipv4=yes\nuse-ipv6=yes\n`,
  );
  const env = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${bus}`, DBUS_SESSION_BUS_ADDRESS: '' };
  const daemon = member.spawn('sh', ['-c', DAEMONS, 'sh', directory], env);
  const lines = createInterface({ input: daemon.stderr ?? process.stdin });
  await lineOf(lines, /Server startup complete/);

  const run = (command: string, args: readonly string[]): Promise<string> =>
    member.run('env', [`DBUS_SYSTEM_BUS_ADDRESS=unix:path=${bus}`, command, ...args]);
  return {
    browse: async (type) => parseServices(await run('avahi-browse', ['-rptk', type])),
    resolve: async (host, family) => {
      const said = await run('avahi-resolve', [family === 'IPv4' ? '-4' : '-6', '-n', host]);
      return said.trim().split('\t')[1] ?? '';
    },
    watch: (type) => {
      const child = member.spawn('avahi-browse', ['-rpk', type], env);
      const output = createInterface({ input: child.stdout ?? process.stdin });
      return { line: (wanted) => lineOf(output, wanted) };
    },
    publish: async (name, type, port) => {
      const child = member.spawn('avahi-publish', ['-s', name, type, String(port)], env);
      await lineOf(createInterface({ input: child.stderr ?? process.stdin }), /Established under name/);
    },
    close: () => rm(directory, { recursive: true }),
  };
}

/** The daemon's folder for its pid is its own: the namespace has mounts of its own. */
const DAEMONS = `
mkdir -p /run/avahi-daemon && mount -t tmpfs tmpfs /run/avahi-daemon
dbus-daemon --config-file="$1/bus.conf" --nofork --nopidfile --print-address=3 3>"$1/ready" 2>/dev/null &
while [ ! -s "$1/ready" ]; do sleep 0.05; done
exec avahi-daemon -f "$1/avahi.conf" --no-drop-root --no-chroot --no-rlimits --debug
`;

function busConfig(path: string): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=${path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow own="*"/><allow send_destination="*"/><allow eavesdrop="true"/><allow user="*"/></policy></busconfig>`;
}

function lineOf(lines: NodeJS.EventEmitter, wanted: RegExp): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const onLine = (line: string): void => {
    if (wanted.test(line)) resolve(line);
  };
  const onClose = (): void => {
    reject(new Error(`ended without a line ${wanted.source}`));
  };
  lines.on('line', onLine).once('close', onClose);
  return promise.finally(() => {
    lines.off('line', onLine).off('close', onClose);
  });
}

/** `=;eth0;IPv4;Gleipnir\\032\\(2\\);_nvstream._tcp;local;host.local;10.77.0.1;47989;...`: names are escaped as in DNS. */
function parseServices(output: string): SeenService[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('='))
    .map((line) => {
      const [, , protocol, name = '', , , host = '', address = '', port] = line.split(';');
      return {
        protocol: protocol as SeenService['protocol'],
        name: unescape(name),
        host,
        address,
        port: Number(port),
      };
    });
}

function unescape(text: string): string {
  return text.replaceAll(/\\(\d{3}|.)/g, (_, escaped: string) =>
    escaped.length === 3 ? String.fromCharCode(Number(escaped)) : escaped,
  );
}
