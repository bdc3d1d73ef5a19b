/**
 * The relay: owns the public UDP ports of Moonlight, recognises each session by the secrets in its datagrams, and
 * forwards between its client and its host. Where a datagram goes is decided by the session table alone.
 *
 * It fails static: stopping it, or losing the table, ends no session.
 */
import type { RemoteInfo } from 'node:dgram';
import type { Registry } from 'prom-client';
import type { Logger } from '../core/runtime/log.ts';
import type { Sealer } from '../core/runtime/seal.ts';
import { TableFollower } from '../core/session/follow.ts';
import type { TableReader, TableWriter } from '../core/session/table.ts';
import { CoarseClock, systemClock, type Clock } from './clock/clock.ts';
import { DEFAULTS, type RelayConfig } from './config.ts';
import type { RelayContext } from './context.ts';
import { onClientControl } from './control/client-to-host.ts';
import { onHostControl } from './control/host-to-client.ts';
import { createCounters, STREAMS, type Counters, type StreamKind } from './counts/counters.ts';
import type { DatapathEngine, DatapathStats } from './datapath/engine.ts';
import { selectEngine } from './datapath/select.ts';
import { FlowRows } from './flow/flow-rows.ts';
import { FlowTable } from './flow/flow-table.ts';
import { createLimits } from './flow/limits.ts';
import { onHostMedia } from './media/forward.ts';
import { onClientMedia } from './media/pings.ts';
import { registerRelayMetrics } from './counts/metrics.ts';
import { Sessions } from './sessions.ts';
import { SlotPool } from './ports/slots.ts';
import { tickFlow } from './tick.ts';
import { isRestless, startTicking } from './clock/ticking.ts';
import { UdpPort } from './ports/udp-port.ts';

/** Slots whose ports were taken are tried again so often. */
const RETRY_MS = 1_000;

export interface RelayDeps {
  /** Its rows are called by it, so that whoever acts under it next takes them up: an address that moves, or a relay. */
  name: string;
  config: RelayConfig;
  table: TableReader;
  flows: TableWriter<'flow'>;
  sealer: Sealer;
  log: Logger;
  register: Registry;
  /** Default: the machine's. */
  clock?: Clock;
}

/** What a relay holds and did since it was made. */
export interface RelayStats {
  flows: number;
  slots: number;
  datapath: DatapathStats;
  counters: Readonly<Counters>;
}

export interface Relay {
  /** Binds the public ports, takes over the sessions in the table. @throws GleipnirError PORT_UNAVAILABLE */
  start: () => Promise<Record<StreamKind, number>>;
  /** Closes everything, started or not. Sessions go on: another relay may take them over. */
  stop: () => Promise<void>;
  stats: () => RelayStats;
}

/** Wires one relay; no port is opened, and nothing sent, before `start`. @throws as `selectEngine` */
export function createRelay(deps: RelayDeps): Relay {
  const { table, log, register, clock: wallClock = systemClock } = deps;
  const parts = createParts(deps, wallClock);
  const { relay, engine, slots, downstream, follower, sessions } = parts;
  registerRelayMetrics({ register, counters: relay.counters, flows: relay.flows, slots, engine });
  /** Undone in the opposite order by `stop`. */
  const stops = [
    () => {
      closeParts(parts);
    },
  ];

  /** @returns whether some flow wants to be looked at again soon. */
  function tick(): boolean {
    relay.clock.advance();
    engine.collect();
    for (const stream of STREAMS) downstream[stream].checkQueue();
    slots.checkQueues();
    let isAnyRestless = false;
    for (const flow of relay.flows.all()) {
      if (!tickFlow(relay, flow)) sessions.forget(flow);
      isAnyRestless ||= isRestless(flow);
    }
    return isAnyRestless;
  }

  function close(): void {
    for (const stop of stops.splice(0).reverse()) stop();
  }

  async function start(): Promise<Record<StreamKind, number>> {
    relay.clock.advance();
    try {
      const control = await downstream.control.open();
      const video = await downstream.video.open();
      const audio = await downstream.audio.open();
      stops.push(() => {
        follower.stop();
      });
      engine.start();
      await follower.start();
      sessions.begin(await table.list('flow'));
      const ticking = startTicking(wallClock, tick);
      stops.push(
        follower.onChange(({ id }) => {
          sessions.reconcile(id);
          ticking.hurry();
        }),
        ticking.stop,
        wallClock.every(RETRY_MS, () => {
          slots.retryFailed();
        }),
      );
      log.info({ control, video, audio, datapath: engine.stats().engine }, 'relay is listening');
      return { control, video, audio };
    } catch (error) {
      close();
      throw error;
    }
  }

  return {
    start,
    stop: () => {
      close();
      return Promise.resolve();
    },
    stats: () => ({
      flows: relay.flows.size,
      slots: slots.size,
      datapath: engine.stats(),
      counters: relay.counters,
    }),
  };
}

interface Parts {
  relay: RelayContext;
  engine: DatapathEngine;
  slots: SlotPool;
  downstream: Record<StreamKind, UdpPort>;
  follower: TableFollower<'session' | 'stream'>;
  sessions: Sessions;
}

function closeParts({ engine, downstream, slots }: Parts): void {
  engine.stop();
  for (const stream of STREAMS) downstream[stream].close();
  slots.close();
}

function createParts({ name, config, table, flows, sealer, log }: RelayDeps, wallClock: Clock): Parts {
  const settings = { ...DEFAULTS, ...config };
  const clock = new CoarseClock(wallClock);
  const counters = createCounters();
  const engine = selectEngine(settings, {
    clock,
    counters,
    log,
    attend: (leg, datagram) => {
      if (leg.stream === 'control') onHostControl(relay, leg, datagram);
      else onHostMedia(relay, leg, datagram);
    },
  });
  const relay: RelayContext = {
    clock,
    counters,
    engine,
    log,
    flows: new FlowTable(settings.flowsMax),
    rows: new FlowRows({ relayName: name, flows, clock, log }),
    limits: createLimits(),
    silentMs: settings.silentMs,
    frozenMs: settings.frozenMs,
    idleMs: settings.idleMs,
  };
  const slots = new SlotPool({ ...settings, sent: counters.toHost, receive: engine.receive, log });
  const downstream = createPublicPorts(relay, settings);
  const follower = new TableFollower({
    reader: table,
    kinds: ['session', 'stream'] as const,
    onError: (err) => {
      log.error({ err }, 'session table cannot be followed');
    },
  });
  const sessions = new Sessions({ relay, settings, follower, slots, sealer, downstream, log });
  return { relay, engine, slots, downstream, follower, sessions };
}

function createPublicPorts(relay: RelayContext, settings: RelayConfig): Record<StreamKind, UdpPort> {
  const create = (
    stream: StreamKind,
    port: number,
    onDatagram: (datagram: Buffer, source: RemoteInfo) => void,
  ): UdpPort =>
    new UdpPort({
      address: settings.bindAddress,
      port,
      listener: stream.toUpperCase(),
      isDualStack: true,
      sent: relay.counters.toClient[stream],
      onDatagram,
      onError: (err) => {
        relay.log.warn({ stream, err }, 'public socket reported an error');
      },
    });
  return {
    control: create('control', settings.controlPort, (datagram, source) => {
      onClientControl(relay, datagram, source);
    }),
    video: create('video', settings.videoPort, (datagram, source) => {
      onClientMedia(relay, 'video', datagram, source);
    }),
    audio: create('audio', settings.audioPort, (datagram, source) => {
      onClientMedia(relay, 'audio', datagram, source);
    }),
  };
}
