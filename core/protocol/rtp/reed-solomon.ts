/**
 * Forward error correction of video and audio: Reed-Solomon over GF(256), polynomial 0x11d, byte by byte.
 * Missing data shards are solved for directly: the parity rows that arrived, restricted to the missing columns,
 * are inverted. Nothing here knows packets or headers.
 *
 * Source: moonlight-common-c `RtpVideoQueue.c`, `RtpAudioQueue.c` and its `rs.c`; formula and rows confirmed
 * against recorded parity. Video, p parity shards: parity j = sum over i of data i / ((p + i) xor j).
 */
import assert from 'node:assert';

const FIELD_SIZE = 256;
const POLYNOMIAL = 0x11d;

/** The rows of audio's two parity shards over its four data shards. */
const AUDIO_ROWS = [
  [0x77, 0x40, 0x38, 0x0e],
  [0xc7, 0xa7, 0x0d, 0x6c],
] as const;
const AUDIO_DATA_SHARDS = 4;

/** Shards of one block: the field has no room for more. */
export const SHARDS_MAX = 255;

/** A shard, or nothing where it was lost. */
export type Shard = Uint8Array | undefined;

/** What parity shard `row` takes data shard `column` times. */
type Coefficient = (row: number, column: number) => number;

/** Multiplicative inverses; 0 has none. */
const INVERSE = new Uint8Array(FIELD_SIZE);
/** All products: a * b stands at a << 8 | b. */
const PRODUCT = new Uint8Array(FIELD_SIZE * FIELD_SIZE);
fillTables();

function fillTables(): void {
  const exp = new Uint8Array(2 * FIELD_SIZE);
  const log = new Uint8Array(FIELD_SIZE);
  let power = 1;
  for (let exponent = 0; exponent < FIELD_SIZE - 1; exponent++) {
    exp[exponent] = power;
    exp[exponent + FIELD_SIZE - 1] = power;
    log[power] = exponent;
    power = power << 1 >= FIELD_SIZE ? (power << 1) ^ POLYNOMIAL : power << 1;
  }
  for (let a = 1; a < FIELD_SIZE; a++) {
    INVERSE[a] = exp[FIELD_SIZE - 1 - log[a]!]!;
    for (let b = 1; b < FIELD_SIZE; b++) PRODUCT[(a << 8) | b] = exp[log[a]! + log[b]!]!;
  }
}

/** Adds `factor` times `source` to `target`, which is at least as long. */
function addMultiple(target: Uint8Array, source: Uint8Array, factor: number): void {
  const row = factor << 8;
  const length = source.length;
  for (let index = 0; index < length; index++) target[index]! ^= PRODUCT[row | source[index]!]!;
}

/** Bytes of the longest shard; shorter ones count as padded with zeros. */
function shardSize(shards: readonly Shard[]): number {
  return shards.reduce((size, shard) => Math.max(size, shard?.length ?? 0), 0);
}

function videoCoefficient(parityShards: number): Coefficient {
  return (row, column) => INVERSE[(parityShards + column) ^ row]!;
}

function audioCoefficient(row: number, column: number): number {
  return AUDIO_ROWS[row]![column]!;
}

function encode(data: readonly Uint8Array[], parityShards: number, coefficient: Coefficient): Uint8Array[] {
  const size = shardSize(data);
  return Array.from({ length: parityShards }, (_, row) => {
    const parity = new Uint8Array(size);
    for (let column = 0; column < data.length; column++) {
      addMultiple(parity, data[column]!, coefficient(row, column));
    }
    return parity;
  });
}

/**
 * The parity shards of one FEC block of video, over whole packets. The caller then writes the parity packets' own
 * headers over the result (`writeParityPacketHeaders`).
 *
 * @param data - the data packets in order; shorter ones count as padded with zeros
 * @param parityShards - how many; data and parity shards together are at most 255
 * @returns as many new shards, each as long as the longest packet.
 */
export function encodeVideoParity(data: readonly Uint8Array[], parityShards: number): Uint8Array[] {
  assert(data.length + parityShards <= SHARDS_MAX, 'too many shards in a block');
  return encode(data, parityShards, videoCoefficient(parityShards));
}

/**
 * Puts the missing data shards of one FEC block of video in place. They are as long as the longest shard given,
 * and what parity packets had overwritten of their headers is wrong in them (`restoreVideoPacketHeaders`).
 *
 * @param shards - all shards of the block, the lost ones `undefined`: data first, then every parity shard. The
 * length is part of the arithmetic: it is data + parity, not the number received.
 * @returns whether all data shards are there now; if not, `shards` is unchanged. Never throws.
 */
export function recoverVideoShards(shards: Shard[], dataShards: number): boolean {
  if (dataShards > shards.length || shards.length > SHARDS_MAX) return false;
  return recover(shards, dataShards, videoCoefficient(shards.length - dataShards));
}

/**
 * The two parity shards of one FEC block of audio.
 *
 * @param data - the 4 payloads (Opus, or its ciphertext), without RTP headers
 */
export function encodeAudioParity(data: readonly Uint8Array[]): [Uint8Array, Uint8Array] {
  assert(data.length === AUDIO_DATA_SHARDS, 'an audio block has four data shards');
  const [first, second] = encode(data, AUDIO_ROWS.length, audioCoefficient);
  return [first!, second!];
}

/**
 * Puts the missing payloads of one FEC block of audio in place.
 *
 * @param shards - 4 payloads and 2 parities (without the FEC header), the lost ones `undefined`
 * @returns whether all payloads are there now; if not, `shards` is unchanged. Never throws.
 */
export function recoverAudioShards(shards: Shard[]): boolean {
  if (shards.length !== AUDIO_DATA_SHARDS + AUDIO_ROWS.length) return false;
  return recover(shards, AUDIO_DATA_SHARDS, audioCoefficient);
}

function recover(shards: Shard[], dataShards: number, coefficient: Coefficient): boolean {
  const missing: number[] = [];
  for (let column = 0; column < dataShards; column++) if (shards[column] === undefined) missing.push(column);
  if (missing.length === 0) return true;

  const rows: number[] = [];
  for (let row = 0; row < shards.length - dataShards && rows.length < missing.length; row++) {
    if (shards[dataShards + row] !== undefined) rows.push(row);
  }
  if (rows.length < missing.length) return false;

  const inverse = invert(rows.map((row) => Uint8Array.from(missing, (column) => coefficient(row, column))));
  if (inverse === undefined) return false;

  const size = shardSize(shards);
  const remainders = rows.map((row) => {
    const remainder = new Uint8Array(size);
    remainder.set(shards[dataShards + row]!);
    for (let column = 0; column < dataShards; column++) {
      const shard = shards[column];
      if (shard !== undefined) addMultiple(remainder, shard, coefficient(row, column));
    }
    return remainder;
  });
  for (const [place, column] of missing.entries()) {
    const shard = new Uint8Array(size);
    for (const [index, remainder] of remainders.entries())
      addMultiple(shard, remainder, inverse[place]![index]!);
    shards[column] = shard;
  }
  return true;
}

/** The inverse of a square matrix (Gauss-Jordan; the argument is used up), or `undefined` if it has none. */
function invert(matrix: Uint8Array[]): Uint8Array[] | undefined {
  const size = matrix.length;
  const inverse = matrix.map((_, row) =>
    Uint8Array.from({ length: size }, (__, column) => +(row === column)),
  );
  for (let column = 0; column < size; column++) {
    const pivot = matrix.findIndex((row, index) => index >= column && row[column] !== 0);
    if (pivot < 0) return undefined;
    swap(matrix, column, pivot);
    swap(inverse, column, pivot);

    const factor = INVERSE[matrix[column]![column]!]!;
    scale(matrix[column]!, factor);
    scale(inverse[column]!, factor);
    for (let row = 0; row < size; row++) {
      if (row === column) continue;
      const multiple = matrix[row]![column]!;
      addMultiple(matrix[row]!, matrix[column]!, multiple);
      addMultiple(inverse[row]!, inverse[column]!, multiple);
    }
  }
  return inverse;
}

function swap(rows: Uint8Array[], a: number, b: number): void {
  const kept = rows[a]!;
  rows[a] = rows[b]!;
  rows[b] = kept;
}

function scale(row: Uint8Array, factor: number): void {
  for (let index = 0; index < row.length; index++) row[index] = PRODUCT[(factor << 8) | row[index]!]!;
}
