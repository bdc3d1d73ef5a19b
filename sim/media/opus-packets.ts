/**
 * A file of raw Opus packets, all of one length, with what a client must know to decode them.
 *
 *   offset  size  field
 *   0       4     "GOP1"
 *   4       1     channels
 *   5       1     duration of a packet, ms
 *   6       1     n, length of the next field
 *   7       n     surround-params: channels, streams, coupled streams, mapping, as digits (RTSP DESCRIBE)
 *   7+n           packets: u16 big-endian length, bytes
 */
import { readU16, writeU16 } from '../../core/protocol/bytes.ts';

const MAGIC = Buffer.from('GOP1', 'latin1');
const OFFSET = { channels: 4, packetDurationMs: 5, paramsLength: 6, params: 7 } as const;
const LENGTH_SIZE = 2;

/** A tone, ready to be sent. */
export interface OpusPackets {
  channels: number;
  packetDurationMs: number;
  /** As in DESCRIBE `a=fmtp:97 surround-params=`. */
  surroundParams: string;
  packets: Uint8Array[];
}

/** Encodes a file. Packets are at most 65535 bytes. */
export function writeOpusPackets(opus: OpusPackets): Uint8Array {
  const { channels, packetDurationMs, surroundParams } = opus;
  const head = Buffer.from([channels, packetDurationMs, surroundParams.length]);
  const parts: Uint8Array[] = [MAGIC, head, Buffer.from(surroundParams, 'latin1')];
  for (const packet of opus.packets) {
    const length = new Uint8Array(LENGTH_SIZE);
    writeU16(length, 0, packet.length);
    parts.push(length, packet);
  }
  return Buffer.concat(parts);
}

/** Decodes a file; `undefined` for anything else. Never throws; packets are views of `file`. */
export function parseOpusPackets(file: Uint8Array): OpusPackets | undefined {
  const [channels, packetDurationMs, paramsLength] = file.subarray(OFFSET.channels, OFFSET.params);
  if (channels === undefined || packetDurationMs === undefined || paramsLength === undefined)
    return undefined;
  if (MAGIC.compare(file, 0, MAGIC.length) !== 0) return undefined;

  let offset = OFFSET.params + paramsLength;
  if (offset > file.length) return undefined;
  const surroundParams = Buffer.from(file.subarray(OFFSET.params, offset)).toString('latin1');
  const packets: Uint8Array[] = [];
  while (offset < file.length) {
    if (offset + LENGTH_SIZE > file.length) return undefined;
    const start = offset + LENGTH_SIZE;
    offset = start + readU16(file, offset);
    if (offset > file.length) return undefined;
    packets.push(file.subarray(start, offset));
  }
  return { channels, packetDurationMs, surroundParams, packets };
}
