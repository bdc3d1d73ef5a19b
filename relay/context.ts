/** What the rules of the data path work on: everything of one relay that they share. */
import type { Logger } from '../core/runtime/log.ts';
import type { CoarseClock } from './clock/clock.ts';
import type { Counters } from './counts/counters.ts';
import type { DatapathEngine } from './datapath/engine.ts';
import type { FlowRows } from './flow/flow-rows.ts';
import type { FlowTable } from './flow/flow-table.ts';
import type { Flow, FlowStatus } from './flow/flow.ts';
import { isOpen } from './flow/flow.ts';
import type { Limits } from './flow/limits.ts';
import { stopRates } from './counts/quality.ts';

export interface RelayContext {
  readonly clock: CoarseClock;
  readonly counters: Counters;
  readonly flows: FlowTable;
  readonly rows: FlowRows;
  readonly engine: DatapathEngine;
  readonly limits: Limits;
  readonly log: Logger;
  /** A live client without a control datagram for so long has gone. */
  readonly silentMs: number;
  /** A live stream without video from its host for so long is frozen. */
  readonly frozenMs: number;
  /** A flow whose session row vanished ends after so long without anything from the client. */
  readonly idleMs: number;
}

/** Moves `flow` to `status` and tells the table at once. Media stops where the generation does. */
export function setStatus(relay: RelayContext, flow: Flow, status: FlowStatus): void {
  flow.status = status;
  if (!isOpen(flow)) {
    flow.video.isEstablished = false;
    flow.audio.isEstablished = false;
    flow.isFrozen = false;
    stopRates(flow);
    relay.engine.upsert(flow);
  }
  relay.rows.save(flow);
}
