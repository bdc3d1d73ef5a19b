/** A stranger who forges datagrams: sends them from an address of its own, and counts what comes back. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { writeU16, writeU16LE, writeU32, writeU32LE } from '../../core/protocol/bytes.ts';
import { ENET_COMMAND } from '../../core/protocol/enet/command.ts';
import { writePing } from '../../core/protocol/rtp/ping.ts';

/** Smallest encrypted control message: head 8, tag 16, type and length 4. */
const MESSAGE_SIZE = 28;
const SEND_RELIABLE_AT = 2;
const ACKNOWLEDGE_WANTED = 0x80;
const CONNECT_ID_AT = 44;
const CONNECT_DATA_AT = 48;

export interface Forger {
  send: (datagram: Uint8Array, port: number) => void;
  /** Datagrams that anybody sent here. */
  received: () => number;
  close: () => void;
}

export async function openForger(localAddress: string): Promise<Forger> {
  const socket = createSocket('udp4');
  let received = 0;
  socket.on('message', () => (received += 1));
  socket.bind(0, localAddress);
  await once(socket, 'listening');
  return {
    send: (datagram, port) => {
      socket.send(datagram, port, '127.0.0.1');
    },
    received: () => received,
    close: () => {
      socket.close();
    },
  };
}

/** A ping as a client sends it. @param payload - 16 characters */
export function forgePing(payload: string, counter: number): Uint8Array {
  const ping = new Uint8Array(20);
  writePing(ping, payload, counter);
  return ping;
}

/** The first two bytes of a control datagram: which peer, and which of its four generations. */
export interface Label {
  peerID: number;
  sessionID: number;
}

/** `body` under a label. */
export function forgeControl({ peerID, sessionID }: Label, body: Uint8Array): Uint8Array {
  const datagram = new Uint8Array(2 + body.length);
  writeU16(datagram, 0, (sessionID << 12) | peerID);
  datagram.set(body, 2);
  return datagram;
}

/** A well-formed control datagram whose encrypted message claims `seq`; its tag and content are noise. */
export function forgeMessage(label: Label, seq: number): Uint8Array {
  const body = new Uint8Array(6 + MESSAGE_SIZE);
  body[0] = ACKNOWLEDGE_WANTED | ENET_COMMAND.SEND_RELIABLE;
  writeU16(body, SEND_RELIABLE_AT, seq & 0xffff);
  writeU16(body, 4, MESSAGE_SIZE);
  writeU16LE(body, 6, 1);
  writeU16LE(body, 8, MESSAGE_SIZE - 4);
  writeU32LE(body, 10, seq);
  body.set(randomBytes(20), 14);
  return forgeControl(label, body);
}

/** Commands without content, as ENet has them: no secret of any session is in them. */
export function forgeBareCommand(label: Label, command: 'acknowledge' | 'ping' | 'disconnect'): Uint8Array {
  const number = { acknowledge: 0x01, ping: 0x85, disconnect: 0x44 }[command];
  const body = new Uint8Array(command === 'ping' ? 4 : 8);
  body[0] = number;
  body[1] = 0xff;
  return forgeControl(label, body);
}

/** A recorded CONNECT with another connectID, or other connect data. */
export function forgeConnect(recorded: Uint8Array, change: 'connectID' | 'data', value: number): Uint8Array {
  const datagram = Uint8Array.from(recorded);
  writeU32(datagram, change === 'connectID' ? CONNECT_ID_AT : CONNECT_DATA_AT, value);
  return datagram;
}
