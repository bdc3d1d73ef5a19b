/** UDP sockets of the bench, with buffers as the relay's own have them. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

export const LOOPBACK = '127.0.0.1';
const BUFFER_BYTES = 4 * 1024 * 1024;

/** At any free port. */
export async function openSocket(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  socket.setRecvBufferSize(BUFFER_BYTES);
  socket.setSendBufferSize(BUFFER_BYTES);
  return socket;
}
