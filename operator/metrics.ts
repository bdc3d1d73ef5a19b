/** What the operator exports: sessions by phase, hosts by state, and the places they have. Labels are closed sets. */
import { Gauge, type Registry } from 'prom-client';
import { SESSION_PHASES } from '../core/crd/types.ts';
import { HOST_STATES } from '../core/host/catalog.ts';
import type { ObjectStore } from '../core/store/object-store.ts';
import type { HostPool } from './hosts/pool.ts';

export interface OperatorMetricsDeps {
  register: Registry;
  sessions: Pick<ObjectStore<'Session'>, 'list'>;
  hosts: Pick<HostPool, 'facts'>;
}

/** Registers everything; once for each registry. Values are read when they are asked for. */
export function registerOperatorMetrics({ register, sessions, hosts }: OperatorMetricsDeps): void {
  const registers = [register];
  new Gauge({
    name: 'gleipnir_operator_sessions',
    help: 'Sessions, by phase.',
    labelNames: ['phase'] as const,
    registers,
    async collect() {
      for (const phase of SESSION_PHASES) this.set({ phase }, 0);
      for (const { status } of await sessions.list()) this.inc({ phase: status?.phase ?? 'Pending' });
    },
  });
  new Gauge({
    name: 'gleipnir_operator_frozen_sessions',
    help: 'Sessions whose host sends no media although the client is there.',
    registers,
    async collect() {
      this.set((await sessions.list()).filter(({ status }) => status?.isFrozen === true).length);
    },
  });
  new Gauge({
    name: 'gleipnir_operator_hosts',
    help: 'Hosts, by state.',
    labelNames: ['state'] as const,
    registers,
    collect() {
      for (const state of HOST_STATES) this.set({ state }, 0);
      for (const { state } of hosts.facts()) this.inc({ state });
    },
  });
  new Gauge({
    name: 'gleipnir_operator_host_places',
    help: 'Sessions that the hosts which are up may play at once, by use.',
    labelNames: ['use'] as const,
    registers,
    collect() {
      const up = hosts.facts().filter(({ state }) => state === 'up');
      const [capacity, used] = [sumOf(up, 'capacity'), sumOf(up, 'used')];
      this.set({ use: 'used' }, used);
      this.set({ use: 'free' }, Math.max(0, capacity - used));
    },
  });
}

function sumOf<F extends string>(hosts: readonly Record<F, number>[], field: F): number {
  return hosts.reduce((sum, host) => sum + host[field], 0);
}
