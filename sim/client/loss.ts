/** A repeatable lottery for datagrams: mulberry32, public domain. */

/** A function that says, with `percent` probability (0..100), that the next datagram is lost. */
export function createLoss(percent: number, seed: number): () => boolean {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    const fraction = ((word ^ (word >>> 14)) >>> 0) / 0x1_0000_0000;
    return fraction * 100 < percent;
  };
}
