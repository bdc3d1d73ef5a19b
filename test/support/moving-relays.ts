/**
 * Two relays, each a process on a machine of its own, that follow one Redis, and a public address that moves between
 * them as keepalived moves it. Clients and hosts are on machines of their own; all are on one bridge.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RedisTable } from '../../core/session/redis/table.ts';
import { createNetwork, type Member } from './netns.ts';
import { RedisServer } from './redis.ts';
import { RedisTables } from './redis-table.ts';

const root = join(import.meta.dirname, '../..');
/** What sessions of `relay/testing/fixture.ts` are sealed with. */
const DEPLOYMENT_KEY = Buffer.alloc(32, 7);

export const PUBLIC_ADDRESS = '10.77.0.100';
export const UPSTREAM_PORT_BASE = 20_000;

/** Of the two addresses of a machine that is about to change. */
export type MoveOrder = 'leaves first' | 'comes first';

export class MovingRelays {
  readonly client: Member;
  readonly host: Member;
  readonly redis: RedisServer;
  readonly table: RedisTable;
  /** Lines of both relays' logs. */
  readonly log: string[] = [];
  /** Where the address is, 0 or 1. */
  owner = 0;
  readonly #relays: readonly [Member, Member];
  readonly #close: () => Promise<void>;

  private constructor(parts: {
    members: readonly Member[];
    redis: RedisServer;
    table: RedisTable;
    close: () => Promise<void>;
  }) {
    const [client, host, first, second] = parts.members;
    if (client === undefined || host === undefined || first === undefined || second === undefined)
      throw new Error('there are not enough machines');
    this.client = client;
    this.host = host;
    this.redis = parts.redis;
    this.table = parts.table;
    this.#relays = [first, second];
    this.#close = parts.close;
  }

  /** Resolves when both follow the table, and the first has the address and serves it. */
  static async open(datapath: 'userspace' | 'kernel'): Promise<MovingRelays> {
    const directory = await mkdtemp(join(tmpdir(), 'gleipnir-relays-'));
    const tables = new RedisTables();
    /** Undone in the opposite order. */
    const cleanups: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true })];
    const close = async (): Promise<void> => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    };
    try {
      const network = await createNetwork(4);
      cleanups.push(network.close);
      const address = await network.joinBridge();
      const redis = await RedisServer.start({
        arguments: ['--bind', '127.0.0.1', address, '--protected-mode', 'no'],
      });
      cleanups.push(
        () => redis.remove(),
        () => tables.stop(),
      );
      const url = `redis://${address}:${redis.port}`;
      const table = await tables.open({ REDIS_URL: url });
      const relays = new MovingRelays({ members: network.members, redis, table, close });
      await relays.#startBoth({ directory, url, datapath });
      return relays;
    } catch (error) {
      await close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#close();
  }

  /**
   * The other machine gets the address and says so to everybody. Resolves when its relay serves it.
   *
   * @returns how long that took, ms, as its log has it.
   */
  async move(order: MoveOrder): Promise<number> {
    const from = this.#relays[this.owner]?.name ?? '';
    this.owner = 1 - this.owner;
    const to = this.#relays[this.owner]?.name ?? '';
    const leave = `ip -n ${from} addr del ${PUBLIC_ADDRESS}/32 dev eth0`;
    const come = `ip -n ${to} addr add ${PUBLIC_ADDRESS}/32 dev eth0`;
    const tell = `ip netns exec ${to} arping -q -U -c 1 -I eth0 ${PUBLIC_ADDRESS}`;
    const seen = this.log.length;
    const commands = order === 'leaves first' ? [leave, come, tell] : [come, tell, leave];
    await this.client.run('sh', ['-c', commands.join(' && ')]);
    await this.#untilLogged(/relay is listening/, seen);
    const [came, serves] = ['"isHere":true', 'relay is listening'].map((text) =>
      timeOf(this.log, text, seen),
    );
    return (serves ?? 0) - (came ?? 0);
  }

  /** Datagrams that sockets on the machine of each relay have sent. */
  sent(): Promise<number[]> {
    return Promise.all(
      this.#relays.map(async (relay) => {
        const lines = (await relay.run('cat', ['/proc/net/snmp'])).split('\n');
        const [names = [], values = []] = lines
          .filter((line) => line.startsWith('Udp:'))
          .map((line) => line.split(' '));
        return Number(values[names.indexOf('OutDatagrams')]);
      }),
    );
  }

  async #startBoth({
    directory,
    url,
    datapath,
  }: Record<'directory' | 'url' | 'datapath', string>): Promise<void> {
    const keyFile = join(directory, 'deployment-key');
    await writeFile(keyFile, DEPLOYMENT_KEY.toString('base64'));
    await this.#relays[0].run('ip', ['addr', 'add', `${PUBLIC_ADDRESS}/32`, 'dev', 'eth0']);
    for (const [index, machine] of this.#relays.entries()) {
      const child = machine.spawn(process.execPath, [join(root, 'relay/main.ts')], {
        REDIS_URL: url,
        DEPLOYMENT_KEY_FILE: keyFile,
        RELAY_NAME: `edge-${index + 1}`,
        RELAY_DATAPATH: datapath,
        RELAY_PUBLIC_ADDRESS: PUBLIC_ADDRESS,
        RELAY_UPSTREAM_PORT_BASE: String(UPSTREAM_PORT_BASE),
        LOG_FORMAT: 'json',
      });
      this.#listen(child);
    }
    for (const name of ['edge-1', 'edge-2'])
      await this.#untilLogged(new RegExp(`"name":"${name}".*relay is up`), 0);
    await this.#untilLogged(/relay is listening/, 0);
  }

  #listen(child: ChildProcess): void {
    let rest = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      this.log.push(...lines);
    });
  }

  async #untilLogged(wanted: RegExp, from: number): Promise<void> {
    const giveUpAt = performance.now() + 20_000;
    while (!this.log.slice(from).some((line) => wanted.test(line))) {
      if (performance.now() > giveUpAt)
        throw new Error(`never logged: ${wanted.source}\n${this.log.join('\n')}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

function timeOf(log: readonly string[], text: string, from: number): number | undefined {
  const line = log.slice(from).find((candidate) => candidate.includes(text));
  const { time } = JSON.parse(line ?? '{}') as { time?: number | string };
  return time === undefined ? undefined : new Date(time).getTime();
}
