/**
 * Frozen streams: no video comes from the host though client and host are still connected. The client shows its last
 * picture for ever then, without an error, so the relay is the one to notice.
 */
import { NEVER } from '../clock/clock.ts';
import type { RelayContext } from '../context.ts';
import type { Flow } from '../flow/flow.ts';

/** Sees whether the stream froze or goes on, and tells the table at once; called every tick. */
export function checkFreeze(relay: RelayContext, flow: Flow): void {
  const isFrozen = flow.status === 'live' && !flow.isPaused && isStandingStill(relay, flow);
  if (isFrozen === flow.isFrozen) return;
  flow.isFrozen = isFrozen;
  if (isFrozen) relay.counters.frozen += 1;
  relay.rows.save(flow);
  const message = isFrozen ? 'no video from the host' : 'no longer frozen';
  relay.log.info({ sessionId: flow.id, generation: flow.generation }, message);
}

/** Whether video had come in this generation, but has not of late. */
function isStandingStill({ clock, frozenMs }: RelayContext, { video, openedAtMs }: Flow): boolean {
  // A flow taken over from another relay has sent datagrams, but seen none itself.
  const isFirstAwaited = video.hostSeenMs === NEVER && video.datagrams === 0;
  if (isFirstAwaited) return false;
  const seenMs = video.hostSeenMs === NEVER ? openedAtMs : video.hostSeenMs;
  return clock.nowMs - seenMs >= frozenMs;
}
