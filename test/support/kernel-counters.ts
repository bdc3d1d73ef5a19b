/** What the kernel counts of one namespace. Source: proc_pid_net(5), `UDP_MIB_*` in linux/snmp.h. */
import { readFileSync } from 'node:fs';
import type { RoutedNetwork, Side } from './routed.ts';

/** Of all sockets of one family. */
export interface UdpCounters {
  /** Datagrams that somebody took from a socket. */
  taken: number;
  /** Datagrams for a port that nobody has. */
  noPort: number;
  /** Datagrams with a wrong checksum. */
  badChecksum: number;
  /** Datagrams sent by sockets. */
  sent: number;
}

export function readUdpCounters(network: RoutedNetwork, side: Side, family: 4 | 6): UdpCounters {
  const values = network.inside(side, family === 4 ? readSnmp4 : readSnmp6);
  const read = (name: string): number => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`the kernel does not count ${name}`);
    return value;
  };
  return {
    taken: read('InDatagrams'),
    noPort: read('NoPorts'),
    badChecksum: read('InCsumErrors'),
    sent: read('OutDatagrams'),
  };
}

/** Frames that a device has sent. */
export function readSentFrames(network: RoutedNetwork, side: Side, device: string): number {
  const text = network.inside(side, () => readFileSync('/proc/thread-self/net/dev', 'utf8'));
  const line = text.split('\n').find((candidate) => candidate.trimStart().startsWith(`${device}:`));
  const columns = line?.split(':')[1]?.trim().split(/\s+/);
  // Eight columns of what was received come first.
  if (columns?.[9] === undefined) throw new Error(`there is no device ${device}`);
  return Number(columns[9]);
}

/** One line of names, one of values. */
function readSnmp4(): Map<string, number> {
  const lines = readFileSync('/proc/thread-self/net/snmp', 'utf8').split('\n');
  const [names = [], values = []] = lines
    .filter((line) => line.startsWith('Udp:'))
    .map((line) => line.split(' ').slice(1));
  return new Map(names.map((name, index) => [name, Number(values[index])]));
}

/** A name and a value on each line. */
function readSnmp6(): Map<string, number> {
  const lines = readFileSync('/proc/thread-self/net/snmp6', 'utf8').split('\n');
  return new Map(
    lines
      .filter((line) => line.startsWith('Udp6'))
      .map((line) => {
        const [name = '', value] = line.split(/\s+/);
        return [name.slice('Udp6'.length), Number(value)];
      }),
  );
}
