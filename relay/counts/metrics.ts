/** Relay metrics. Base units, `_total` for counters, labels from closed sets only; nothing here runs per datagram. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { FLOW_STATUSES } from '../../core/session/record.ts';
import { DROP_REASONS, STREAMS, type Counters } from './counters.ts';
import type { DatapathEngine } from '../datapath/engine.ts';
import type { FlowTable } from '../flow/flow-table.ts';
import type { SlotPool } from '../ports/slots.ts';

export interface MetricsDeps {
  register: Registry;
  counters: Counters;
  flows: FlowTable;
  slots: SlotPool;
  engine: DatapathEngine;
}

/** Registers everything the relay exports. */
export function registerRelayMetrics({ register, counters, flows, slots, engine }: MetricsDeps): void {
  const registers = [register];
  registerTraffic(register, counters);
  registerFreezes(register, counters, flows);

  new Counter({
    name: 'gleipnir_relay_dropped_total',
    help: 'Datagrams that went nowhere, by reason.',
    labelNames: ['reason'] as const,
    registers,
    collect() {
      this.reset();
      for (const reason of DROP_REASONS) this.inc({ reason }, counters.dropped[reason]);
    },
  });
  new Counter({
    name: 'gleipnir_relay_roams_total',
    help: 'Client addresses that moved in mid-stream.',
    labelNames: ['stream'] as const,
    registers,
    collect() {
      this.reset();
      for (const stream of STREAMS) this.inc({ stream }, counters.roams[stream]);
    },
  });
  new Gauge({
    name: 'gleipnir_relay_flows',
    help: 'Flows held, by status.',
    labelNames: ['status'] as const,
    registers,
    collect() {
      for (const status of FLOW_STATUSES) this.set({ status }, 0);
      for (const { status } of flows.all()) this.inc({ status });
    },
  });
  new Gauge({
    name: 'gleipnir_relay_slots',
    help: 'Upstream slots open.',
    registers,
    collect() {
      this.set(slots.size);
    },
  });
  registerDatapath(register, engine);
}

function registerDatapath(register: Registry, engine: DatapathEngine): void {
  const registers = [register];
  new Gauge({
    name: 'gleipnir_relay_datapath_routes',
    help: 'Ways from a host to a client, by the datapath engine that runs.',
    labelNames: ['engine'] as const,
    registers,
    collect() {
      const { engine: name, routes } = engine.stats();
      this.set({ engine: name }, routes);
    },
  });
  new Gauge({
    name: 'gleipnir_relay_datapath_info',
    help: 'Always 1: which datapath engine runs, and why.',
    labelNames: ['engine', 'reason'] as const,
    registers,
    collect() {
      const { engine: name, reason } = engine.stats();
      this.set({ engine: name, reason }, 1);
    },
  });
  new Gauge({
    name: 'gleipnir_relay_datapath_kernel_routes',
    help: 'Ways from a host to a client that the kernel forwards by itself.',
    registers,
    collect() {
      this.set(engine.stats().inKernel);
    },
  });
}

function registerTraffic(register: Registry, { toClient, toHost }: Counters): void {
  const registers = [register];
  const labelNames = ['stream', 'direction'] as const;
  new Counter({
    name: 'gleipnir_relay_datagrams_total',
    help: 'Datagrams sent, those of the relay itself included.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const stream of STREAMS) {
        this.inc({ stream, direction: 'to_client' }, toClient[stream].datagrams);
        this.inc({ stream, direction: 'to_host' }, toHost[stream].datagrams);
      }
    },
  });
  new Counter({
    name: 'gleipnir_relay_sent_bytes_total',
    help: 'UDP payload sent.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const stream of STREAMS) {
        this.inc({ stream, direction: 'to_client' }, toClient[stream].bytes);
        this.inc({ stream, direction: 'to_host' }, toHost[stream].bytes);
      }
    },
  });
}

function registerFreezes(register: Registry, counters: Counters, flows: FlowTable): void {
  const registers = [register];
  new Counter({
    name: 'gleipnir_relay_frozen_total',
    help: 'Streams whose video stopped coming from the host while they were live.',
    registers,
    collect() {
      this.reset();
      this.inc(counters.frozen);
    },
  });
  new Gauge({
    name: 'gleipnir_relay_frozen_flows',
    help: 'Flows that are frozen now.',
    registers,
    collect() {
      let frozen = 0;
      for (const { isFrozen } of flows.all()) if (isFrozen) frozen += 1;
      this.set(frozen);
    },
  });
}
