import pino from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import type { Relay } from '../relay.ts';
import { ActingRelay } from './acting-relay.ts';

const ADDRESS = '192.0.2.7';

const started: ActingRelay[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((relay) => relay.stop()));
});

/** Relays that only say what is asked of them; the first `failures` starts fail. */
function build({ failures = 0 } = {}) {
  const events: string[] = [];
  let here: string[] = [];
  let count = 0;
  const relay = new ActingRelay({
    publicAddress: ADDRESS,
    log: pino({ level: 'silent' }),
    addresses: () => here,
    create: (): Relay => {
      count += 1;
      const name = count;
      return {
        start: () => {
          events.push(`start ${name}`);
          if (name <= failures) return Promise.reject(new Error('EADDRINUSE'));
          return Promise.resolve({ control: 1, video: 2, audio: 3 });
        },
        stop: () => {
          events.push(`stop ${name}`);
          return Promise.resolve();
        },
        stats: () => {
          throw new Error('not asked for');
        },
      };
    },
  });
  started.push(relay);
  relay.start();
  return {
    relay,
    events,
    move: (isHere: boolean) => {
      here = isHere ? [ADDRESS] : [];
    },
  };
}

describe('ActingRelay', () => {
  it('makes and starts a relay when the address comes, and stops it when it leaves', async () => {
    const { relay, events, move } = build();
    expect(events).toEqual([]);
    move(true);
    await expect.poll(() => relay.acting()).toBeDefined();
    move(false);
    await expect.poll(() => events).toEqual(['start 1', 'stop 1']);
    expect(relay.acting()).toBeUndefined();
    move(true);
    await expect.poll(() => events).toEqual(['start 1', 'stop 1', 'start 2']);
  });

  it('tries again while it cannot start', async () => {
    const { relay, events, move } = build({ failures: 2 });
    move(true);
    await expect.poll(() => events, { timeout: 5_000 }).toEqual(['start 1', 'start 2', 'start 3']);
    await expect.poll(() => relay.isSettled()).toBe(true);
  });

  it('holds nothing after it was stopped', async () => {
    const { relay, events, move } = build();
    move(true);
    await expect.poll(() => relay.acting()).toBeDefined();
    await relay.stop();
    // The second is the one that was made ahead.
    expect(events).toEqual(['start 1', 'stop 1', 'stop 2']);
    expect(relay.acting()).toBeUndefined();
  });
});
