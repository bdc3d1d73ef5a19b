/** Metrics of a table in Redis; its counters are copied when they are asked for. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { RedisStats } from './stats.ts';

const COUNTERS = [
  ['commands', 'Commands sent to Redis.'],
  ['errors', 'Commands to Redis that failed.'],
  ['gaps', 'Times that changes were missed and everything was compared.'],
  ['badRows', 'Reads of rows that were damaged.'],
  ['restored', 'Rows that Redis had lost and this process put back.'],
  ['adopted', 'Rows of writers that are gone, which this process keeps.'],
] as const satisfies readonly (readonly [keyof RedisStats, string])[];

/** `gleipnir_table_*_total`, `gleipnir_table_lag_seconds` and `gleipnir_table_followed`. */
export function registerRedisMetrics(register: Registry, stats: Readonly<RedisStats>): void {
  const registers = [register];
  for (const [field, help] of COUNTERS) {
    const noun = field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    new Counter({
      name: `gleipnir_table_${noun}_total`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(stats[field]);
      },
    });
  }
  new Gauge({
    name: 'gleipnir_table_lag_seconds',
    help: 'Between the newest change heard of and hearing it, by the clocks of Redis and of this process.',
    registers,
    collect() {
      this.set(stats.lagMs / 1_000);
    },
  });
  new Gauge({
    name: 'gleipnir_table_followed',
    help: 'Whether changes of the session table are heard of: 1 or 0.',
    registers,
    collect() {
      this.set(stats.isFollowed ? 1 : 0);
    },
  });
}
