/**
 * H.264 byte streams (Annex B): cutting them into NAL units and pictures, emulation prevention, filler.
 *
 * Source: ITU-T H.264, 7.3.1 (NAL unit syntax), 7.4.1 (emulation prevention), annex B (start codes).
 */

/** NAL unit types that matter here. Source: ITU-T H.264, table 7-1. */
export const NAL_TYPE = { SLICE: 1, IDR_SLICE: 5, SEI: 6, SPS: 7, PPS: 8, AUD: 9, FILLER: 12 } as const;

const NAL_TYPE_MASK = 0x1f;
/** nal_ref_idc 0, as for every NAL unit that no picture depends on. */
const FILLER_BYTE = 0xff;
const TRAILING_BITS = 0x80;
const EMULATION_PREVENTION = 3;
/** Start code 4, header 1, trailing bits 1. */
const FILLER_OVERHEAD = 6;

/** Four bytes, as before every NAL unit made here. */
export const START_CODE: Uint8Array = Uint8Array.of(0, 0, 0, 1);

/** One picture and what belongs to it; `parameters` and `slices` are views, start codes included. */
export interface AccessUnit {
  isIdr: boolean;
  /** SPS, PPS and the like; empty but for an IDR picture. */
  parameters: Uint8Array;
  slices: Uint8Array;
}

/** One NAL unit of a byte stream, by offsets. */
interface NalUnit {
  type: number;
  /** Of the first byte of its start code. */
  start: number;
  /** Of its header byte. */
  header: number;
  end: number;
}

/** Cuts a stream into NAL units, header byte first, without start codes. Never throws; views of `stream`. */
export function splitNalUnits(stream: Uint8Array): { type: number; bytes: Uint8Array }[] {
  return findNalUnits(stream).map(({ type, header, end }) => ({ type, bytes: stream.subarray(header, end) }));
}

/**
 * Cuts a stream with one slice per picture into pictures: each ends with its slice. Never throws; what comes
 * after the last slice is dropped.
 */
export function splitAccessUnits(stream: Uint8Array): AccessUnit[] {
  const units: AccessUnit[] = [];
  let start = 0;
  for (const nal of findNalUnits(stream)) {
    if (nal.type !== NAL_TYPE.SLICE && nal.type !== NAL_TYPE.IDR_SLICE) continue;
    units.push({
      isIdr: nal.type === NAL_TYPE.IDR_SLICE,
      parameters: stream.subarray(start, nal.start),
      slices: stream.subarray(nal.start, nal.end),
    });
    start = nal.end;
  }
  return units;
}

/** Inserts emulation prevention bytes, so that no start code appears inside a NAL unit. */
export function escapeRbsp(rbsp: Uint8Array): Uint8Array {
  const escaped: number[] = [];
  let zeros = 0;
  for (const byte of rbsp) {
    if (zeros >= 2 && byte <= EMULATION_PREVENTION) {
      escaped.push(EMULATION_PREVENTION);
      zeros = 0;
    }
    escaped.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Uint8Array.from(escaped);
}

/** Undoes `escapeRbsp`. */
export function unescapeRbsp(bytes: Uint8Array): Uint8Array {
  const rbsp: number[] = [];
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros >= 2 && byte === EMULATION_PREVENTION) {
      zeros = 0;
      continue;
    }
    rbsp.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Uint8Array.from(rbsp);
}

/**
 * A filler data NAL unit, which decoders skip.
 *
 * @param size Bytes wanted, start code included; less than 6 gives no bytes at all.
 */
export function makeFiller(size: number): Uint8Array {
  if (size < FILLER_OVERHEAD) return new Uint8Array(0);
  const filler = new Uint8Array(size).fill(FILLER_BYTE);
  filler.set(START_CODE);
  filler[START_CODE.length] = NAL_TYPE.FILLER;
  filler[size - 1] = TRAILING_BITS;
  return filler;
}

function findNalUnits(stream: Uint8Array): NalUnit[] {
  const units: NalUnit[] = [];
  let open: NalUnit | undefined;
  for (let at = findStartCode(stream, 0); at >= 0; at = findStartCode(stream, at + 3)) {
    const start = at > 0 && stream[at - 1] === 0 ? at - 1 : at;
    if (open !== undefined) open.end = start;
    const header = at + 3;
    const byte = stream[header];
    if (byte === undefined) break;
    open = { type: byte & NAL_TYPE_MASK, start, header, end: stream.length };
    units.push(open);
  }
  return units;
}

/** Offset of the next `00 00 01` at or after `from`, -1 if there is none. */
function findStartCode(stream: Uint8Array, from: number): number {
  for (let at = stream.indexOf(1, from + 2); at >= 0; at = stream.indexOf(1, at + 1)) {
    if (stream[at - 1] === 0 && stream[at - 2] === 0) return at - 2;
  }
  return -1;
}
