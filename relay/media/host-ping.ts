/**
 * Pings towards the host, which tell it where to send a stream: first after the client's own first ping, so that
 * the media then has somewhere to go, often until media flows (a host may not listen yet), then as a client does.
 */
import { LEGACY_PING, writePing } from '../../core/protocol/rtp/ping.ts';
import { NEVER } from '../clock/clock.ts';
import type { RelayContext } from '../context.ts';
import { isOpen, type Leg } from '../flow/flow.ts';

const HURRY_MS = 20;
const HURRY_MS_MAX = 10_000;
const STEADY_MS = 500;

/** Sends the ping of this leg if one is due; called every tick, and when something changed that it waits for. */
export function pingHost({ clock }: RelayContext, leg: Leg): void {
  if (leg.firstPingMs === NEVER || leg.hostPort === 0) return;
  if (clock.nowMs < leg.hostPingDueMs || !isOpen(leg.flow)) return;
  if (!leg.upstream.udp.send(nextPing(leg), leg.hostPort, leg.hostAddress)) return;
  leg.hostPingCounter += 1;
  const isHurried = leg.hostSeenMs === NEVER && clock.nowMs - leg.firstPingMs < HURRY_MS_MAX;
  leg.hostPingDueMs = clock.nowMs + (isHurried ? HURRY_MS : STEADY_MS);
}

function nextPing(leg: Leg): Uint8Array {
  if (leg.hostPingPayload === undefined) return LEGACY_PING;
  writePing(leg.hostPing, leg.hostPingPayload, leg.hostPingCounter + 1);
  return leg.hostPing;
}
