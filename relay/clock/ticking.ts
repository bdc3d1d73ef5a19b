/**
 * How often the relay looks at its deadlines: often while a flow is beginning or ending, seldom while all of them just
 * stream or wait. Waking up fifty times a second costs more than what there is to do then.
 */
import { TICK_MS, type Clock } from './clock.ts';
import { isOpen, type Flow, type Leg } from '../flow/flow.ts';

const QUIET_TICK_MS = 100;
/** Often at least for so many ticks after something has changed: 2 s. */
const HURRY_TICKS = 100;

/** Whether something of this flow may be due before `QUIET_TICK_MS` are over. */
export function isRestless(flow: Flow): boolean {
  if (!isOpen(flow)) return flow.status === 'closed';
  const { peer, picture, video, audio } = flow;
  if (peer.heldConnect !== undefined || picture.state === 'asking') return true;
  return isAwaited(video) || isAwaited(audio);
}

/** Whether the client is there, and media not yet. */
function isAwaited({ clientPort, isEstablished }: Leg): boolean {
  return clientPort !== 0 && !isEstablished;
}

export interface Ticking {
  /** Ticks often again, because something has changed. */
  hurry: () => void;
  stop: () => void;
}

/** Calls `tick`, which tells whether to tick often from now on, until stopped. */
export function startTicking(clock: Clock, tick: () => boolean): Ticking {
  let intervalMs = TICK_MS;
  let ticksLeft = HURRY_TICKS;
  let stop = clock.every(intervalMs, run);

  function run(): void {
    ticksLeft = Math.max(0, ticksLeft - 1);
    setPace(tick() || ticksLeft > 0 ? TICK_MS : QUIET_TICK_MS);
  }

  function setPace(wantedMs: number): void {
    if (wantedMs === intervalMs) return;
    intervalMs = wantedMs;
    stop();
    stop = clock.every(intervalMs, run);
  }

  return {
    hurry: () => {
      ticksLeft = HURRY_TICKS;
      setPace(TICK_MS);
    },
    stop: () => {
      stop();
    },
  };
}
