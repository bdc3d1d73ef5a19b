/** The datapath engine's contract: how the video of a host is measured. */
import { describe, it } from 'vitest';
import { SS_ENC } from '../../../core/protocol/sdp.ts';
import type { FlowRecord } from '../../../core/session/record.ts';
import { DATAGRAM_SIZE_MAX } from '../../ports/udp-port.ts';
import {
  deliver,
  expectRow,
  filled,
  playEstablished,
  SOON_MS,
  video,
  type DatapathPeer,
  type DatapathWorld,
  type GetWorld,
} from './world.ts';

/** Numbers as they come, from the first of all; how many numbers are missing, of those that should have come. */
const SEQUENCES: { name: string; numbers: number[]; missing: number }[] = [
  { name: 'none that is missing', numbers: [1, 2, 3, 4], missing: 0 },
  { name: 'gaps', numbers: [1, 2, 5, 6, 10], missing: 2 + 3 },
  { name: 'a gap after the very first', numbers: [1, 4, 5], missing: 2 },
  { name: 'a gap where numbers begin anew', numbers: [65_533, 65_534, 2, 3], missing: 3 },
  { name: 'late ones as not missing', numbers: [1, 2, 6, 4, 3, 7], missing: 1 },
  { name: 'late ones in their own order as not missing', numbers: [1, 2, 8, 4, 5, 6, 9], missing: 2 },
  // A datagram that comes twice hides one that is lost.
  { name: 'one that came twice', numbers: [1, 2, 2, 5, 6], missing: 2 - 1 },
  { name: 'one that came twice, after the gap', numbers: [1, 2, 5, 5, 6], missing: 2 - 1 },
  { name: 'a sequence that began anew', numbers: [5000, 5001, 100, 101, 102, 104], missing: 1 },
];

/** What is missing, by the numbers of the datagrams. */
export function describeQuality<P extends DatapathPeer>(getWorld: GetWorld<P>): void {
  describe.each([
    { kind: 'video', isEncrypted: false, pauseMs: 0 },
    { kind: 'video that comes slowly', isEncrypted: false, pauseMs: 300 },
    { kind: 'encrypted video', isEncrypted: true, pauseMs: 0 },
  ])('$kind:', ({ isEncrypted, pauseMs }) => {
    it.each(SEQUENCES)('$name', async ({ numbers, missing }) => {
      const world = getWorld();
      const playing = await world.play(1, { encryptionEnabled: isEncrypted ? SS_ENC.VIDEO : 0 });
      for (const number of numbers) {
        await deliver(playing, 'video', video(number, { isEncrypted }));
        world.fixture.clock.advance(pauseMs);
      }
      await expectQuality(world, { videoDatagrams: numbers.length, videoLost: missing });
    });
  });

  it('nothing as missing where nonces tell no number', async () => {
    const world = getWorld();
    const playing = await world.play(1, { encryptionEnabled: SS_ENC.VIDEO });
    const sent = [1, 2, 9, 30].map((number) => video(number, { isEncrypted: true }));
    for (const bytes of sent) bytes.write('\0\0XX', 8, 'latin1');
    await deliver(playing, 'video', ...sent);
    await expectQuality(world, { videoDatagrams: sent.length, videoLost: 0 });
  });

  it('datagrams of all sizes as one sequence, and none without a number', async () => {
    const world = getWorld();
    const playing = await playEstablished(world, 1);
    const sizes = [DATAGRAM_SIZE_MAX, 1200, 33, DATAGRAM_SIZE_MAX, 32, 1473, 1472];
    for (const [index, size] of sizes.entries()) {
      await deliver(playing, 'video', video(2 + index, { size }), filled(4, 1), filled(20, 1), filled(31, 1));
      world.fixture.clock.advance(300);
    }
    await expectQuality(world, { videoDatagrams: 1 + sizes.length, videoLost: 0 });
  });

  async function expectQuality(
    world: DatapathWorld<P>,
    quality: Partial<NonNullable<FlowRecord['quality']>>,
  ): Promise<void> {
    world.fixture.clock.advance(SOON_MS);
    await expectRow(world, 'session-1', { quality });
  }
}
