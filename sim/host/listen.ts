/** Opening and closing the simulated host's sockets, with a failure that names the port. */
import type { Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Server } from 'node:net';
import { GleipnirError } from '../../core/runtime/errors.ts';

/** Where to listen; port 0 is any. */
export interface ListenAddress {
  bindAddress: string;
  port: number;
}

/** Listens on TCP. @returns the port that was bound. @throws GleipnirError PORT_UNAVAILABLE */
export async function listen(server: Server, { bindAddress, port }: ListenAddress): Promise<number> {
  server.listen(port, bindAddress);
  await reached(once(server, 'listening'), port);
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** Listens on a Unix socket. @throws GleipnirError PORT_UNAVAILABLE */
export async function listenOnPath(server: Server, path: string): Promise<void> {
  server.listen(path);
  await reached(once(server, 'listening'), 0);
}

/** Binds UDP. @returns the port that was bound. @throws GleipnirError PORT_UNAVAILABLE */
export async function bind(socket: UdpSocket, { bindAddress, port }: ListenAddress): Promise<number> {
  socket.bind(port, bindAddress);
  await reached(once(socket, 'listening'), port);
  return socket.address().port;
}

/** Resolves once nothing listens any more; the connections must have been closed. Idempotent. */
export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  server.close();
  await once(server, 'close');
}

async function reached(listening: Promise<unknown>, port: number): Promise<void> {
  try {
    await listening;
  } catch (cause) {
    throw new GleipnirError(
      'PORT_UNAVAILABLE',
      'A port of the simulated host is not free',
      { port },
      { cause },
    );
  }
}
