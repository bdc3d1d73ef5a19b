/**
 * The datapath engine's contract as a suite: whatever forwards, client, host, counters and rows see the same. Every
 * implementation's spec runs it in worlds of its own; what is expected is worked out here, from what was sent.
 */
import { afterEach, beforeEach, describe } from 'vitest';
import { describeCounting, describeForwarding } from './contract/forwarding.ts';
import { describeMoves } from './contract/moves.ts';
import { describeQuality } from './contract/quality.ts';
import { describeEnds, describeSeparation } from './contract/sessions.ts';
import type { DatapathPeer, DatapathWorld } from './contract/world.ts';

/**
 * Declares the suite.
 *
 * @param openWorld a relay without sessions each time, and room for three
 */
export function describeDatapathContract<P extends DatapathPeer>(
  name: string,
  openWorld: () => Promise<DatapathWorld<P>>,
): void {
  describe(name, () => {
    let world: DatapathWorld<P>;
    beforeEach(async () => {
      world = await openWorld();
    });
    afterEach(() => world.close());
    const getWorld = (): DatapathWorld<P> => world;
    describe('forwards', () => {
      describeForwarding(getWorld);
    });
    describe('counts', () => {
      describeCounting(getWorld);
    });
    describe('measures', () => {
      describeQuality(getWorld);
    });
    describe('keeps apart', () => {
      describeSeparation(getWorld);
    });
    describe('follows', () => {
      describeMoves(getWorld);
    });
    describe('ends', () => {
      describeEnds(getWorld);
    });
  });
}
