/**
 * Input packets: the payload of control messages 0x0206. Source: moonlight-common-c `Input.h`.
 *
 *   offset  size  field
 *   0       4     size of what follows, big-endian
 *   4       4     magic, little-endian: the kind of event
 *   8       n     fields
 */
import { writeU16, writeU16LE, writeU32, writeU32LE } from '../../core/protocol/bytes.ts';

const OFFSET = { size: 0, magic: 4, fields: 8 } as const;
const MAGIC = { KEY_DOWN: 3, KEY_UP: 4, MOUSE_MOVE_RELATIVE: 7 } as const;
const KEYBOARD_SIZE = 14;
const MOUSE_SIZE = 12;
/** Moonlight sets this bit in every Windows virtual-key code. */
const KEY_CODE_FLAG = 0x8000;

/** Channels of the control stream. Source: moonlight-common-c `Limelight-internal.h` CTRL_CHANNEL_*. */
export const CONTROL_CHANNEL = { GENERIC: 0, URGENT: 1, KEYBOARD: 2, MOUSE: 3 } as const;

/** A key that goes down or up; `keyCode` is a Windows virtual-key code, 1..0xfe. No modifiers. */
export function makeKeyEvent(keyCode: number, isDown: boolean): Uint8Array {
  const packet = makePacket(KEYBOARD_SIZE, isDown ? MAGIC.KEY_DOWN : MAGIC.KEY_UP);
  writeU16LE(packet, OFFSET.fields + 1, KEY_CODE_FLAG | keyCode);
  return packet;
}

/** A relative mouse movement, each -32768..32767. */
export function makeMouseMove(deltaX: number, deltaY: number): Uint8Array {
  const packet = makePacket(MOUSE_SIZE, MAGIC.MOUSE_MOVE_RELATIVE);
  writeU16(packet, OFFSET.fields, deltaX & 0xffff);
  writeU16(packet, OFFSET.fields + 2, deltaY & 0xffff);
  return packet;
}

function makePacket(size: number, magic: number): Uint8Array {
  const packet = new Uint8Array(size);
  writeU32(packet, OFFSET.size, size - 4);
  writeU32LE(packet, OFFSET.magic, magic);
  return packet;
}
