/** Genuine bytes, damaged: what a parser believes for longest before it must say no. */
import type { Random } from './random.ts';

const CHANGES_MAX = 4;
/** Numbers at the edges of what fields hold. */
const EDGES = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];
const GROWTH_MAX = 64;

type Change = (bytes: Uint8Array, random: Random, donor: Uint8Array) => Uint8Array;

const CHANGES: readonly Change[] = [
  function flipBit(bytes, random) {
    const at = random.int(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8));
    return bytes;
  },
  function setByte(bytes, random) {
    bytes[random.int(bytes.length)] = random.int(256);
    return bytes;
  },
  function setEdges(bytes, random) {
    const from = random.int(bytes.length);
    return bytes.fill(random.pick(EDGES), from, from + 1 + random.int(4));
  },
  function cut(bytes, random) {
    return bytes.subarray(0, random.int(bytes.length + 1));
  },
  function cutOut(bytes, random) {
    const from = random.int(bytes.length);
    return join(bytes.subarray(0, from), bytes.subarray(from + 1 + random.int(8)));
  },
  function append(bytes, random) {
    return join(bytes, random.bytes(random.int(GROWTH_MAX)));
  },
  function repeatPart(bytes, random) {
    const from = random.int(bytes.length);
    const part = bytes.subarray(from, from + 1 + random.int(GROWTH_MAX));
    return join(bytes.subarray(0, from), part, part, bytes.subarray(from + part.length));
  },
  function crossOver(bytes, random, donor) {
    return join(bytes.subarray(0, random.int(bytes.length)), donor.subarray(random.int(donor.length + 1)));
  },
];

/** `original` with one to four changes; `donor` lends parts. Neither is touched. */
export function mutate(original: Uint8Array, random: Random, donor: Uint8Array): Uint8Array {
  let bytes: Uint8Array = Uint8Array.from(original);
  const changes = 1 + random.int(CHANGES_MAX);
  for (let count = 0; count < changes && bytes.length > 0; count += 1) {
    bytes = random.pick(CHANGES)(bytes, random, donor);
  }
  return bytes;
}

function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
