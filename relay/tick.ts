/** What the relay does by the clock, for each flow, every `TICK_MS`. */
import { NEVER } from './clock/clock.ts';
import type { RelayContext } from './context.ts';
import { releaseHeldConnect } from './control/connect.ts';
import { endGeneration, fallSilent, LINGER_MS, repeatTermination } from './ending/ending.ts';
import { askForPicture } from './media/first-picture.ts';
import { activityOf } from './flow/flow-rows.ts';
import { clientSeenMs, isOpen, type Flow } from './flow/flow.ts';
import { checkFreeze } from './ending/freeze.ts';
import { pingHost } from './media/host-ping.ts';
import { measureRates } from './counts/quality.ts';

/** Rows are not written more often than this, changes of status aside. */
const ROW_INTERVAL_MS = 250;

/** @returns `false` when the flow has ended and lingered, so that it is to be forgotten. */
export function tickFlow(relay: RelayContext, flow: Flow): boolean {
  const { nowMs } = relay.clock;
  if (flow.status === 'closed') {
    if (nowMs - flow.closedAtMs >= LINGER_MS) return false;
    repeatTermination(relay, flow);
  } else {
    releaseHeldConnect(flow);
    pingHost(relay, flow.audio);
    pingHost(relay, flow.video);
    askForPicture(relay, flow);
    checkSilence(relay, flow);
    checkFreeze(relay, flow);
    if (isOpen(flow)) measureRates(relay.clock, flow);
  }
  const isDue = nowMs - flow.savedAtMs >= ROW_INTERVAL_MS;
  if (isDue && activityOf(flow) !== flow.savedActivity) relay.rows.save(flow);
  return true;
}

function checkSilence(relay: RelayContext, flow: Flow): void {
  const { clock, silentMs, idleMs } = relay;
  if (flow.status === 'live' && clock.nowMs - flow.control.clientSeenMs >= silentMs) fallSilent(relay, flow);
  if (!flow.isOrphan) return;
  const seenMs = clientSeenMs(flow);
  const quietSinceMs = seenMs === NEVER ? flow.openedAtMs : seenMs;
  if (clock.nowMs - quietSinceMs >= idleMs) endGeneration(relay, flow);
}
