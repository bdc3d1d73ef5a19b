/** Which program holds a port, where this can be known: on Linux, by /proc, for programs that this user may look at. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** A running program. */
export interface PortHolder {
  pid: number;
  /** Its name and, for a script, the file: `node appliance/main.ts`. */
  name: string;
}

/** Columns of /proc/net/{tcp,udp}: local address and port, state, inode. */
const COLUMN = { local: 1, state: 3, inode: 9 } as const;
const TCP_LISTENING = '0A';
/** Longest name that is shown. */
const NAME_MAX = 80;

/** @returns `undefined` when nobody holds the port, or nobody that this user may know of. */
export function findPortHolder(protocol: 'TCP' | 'UDP', port: number): PortHolder | undefined {
  const inodes = socketInodes(protocol, port);
  if (inodes.size === 0) return undefined;
  for (const pid of tryTo(() => readdirSync('/proc').filter((name) => /^\d+$/.test(name))) ?? []) {
    if (holdsAny(pid, inodes)) return { pid: Number(pid), name: nameOf(pid) };
  }
  return undefined;
}

/** Inodes of the sockets that are bound to the port, in this network namespace; in TCP those that listen. */
function socketInodes(protocol: 'TCP' | 'UDP', port: number): Set<string> {
  const inodes = new Set<string>();
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  for (const family of ['', '6']) {
    const table = tryTo(() => readFileSync(`/proc/net/${protocol.toLowerCase()}${family}`, 'ascii')) ?? '';
    for (const line of table.split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/);
      if (columns[COLUMN.local]?.endsWith(`:${hex}`) !== true) continue;
      if (protocol === 'TCP' && columns[COLUMN.state] !== TCP_LISTENING) continue;
      inodes.add(columns[COLUMN.inode] ?? '');
    }
  }
  return inodes;
}

function holdsAny(pid: string, inodes: ReadonlySet<string>): boolean {
  const folder = `/proc/${pid}/fd`;
  return (tryTo(() => readdirSync(folder)) ?? []).some((fd) => {
    const inode = /^socket:\[(\d+)\]$/.exec(tryTo(() => readlinkSync(`${folder}/${fd}`)) ?? '')?.[1];
    return inode !== undefined && inodes.has(inode);
  });
}

function nameOf(pid: string): string {
  const words = tryTo(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? '';
  const [program = '', script = ''] = words.split('\0');
  const name =
    script.endsWith('.ts') || script.endsWith('js') ? `${basename(program)} ${script}` : basename(program);
  return name.slice(0, NAME_MAX);
}

/** What others run comes and goes, and may be hidden: whatever cannot be read is as good as not there. */
function tryTo<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
