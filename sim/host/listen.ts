/** Opening and closing the simulated host's sockets, with a failure that names the port. */
import type { Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Server } from 'node:net';
import { portUnavailable, workOnFile, type PortFacts } from '../../core/runtime/system-errors.ts';

/** Where to listen; port 0 is any. */
export interface ListenAddress {
  bindAddress: string;
  port: number;
  /** What listens there, as `PortFacts` has it. */
  listener: string;
}

/** Listens on TCP. @returns the port that was bound. @throws GleipnirError PORT_UNAVAILABLE */
export async function listen(server: Server, where: ListenAddress): Promise<number> {
  const { bindAddress, port } = where;
  server.listen(port, bindAddress);
  await reached(once(server, 'listening'), 'TCP', where);
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** Listens on a Unix socket. @throws GleipnirError FILE_UNUSABLE */
export async function listenOnPath(server: Server, path: string): Promise<void> {
  server.listen(path);
  await workOnFile(path, () => once(server, 'listening'));
}

/** Binds UDP. @returns the port that was bound. @throws GleipnirError PORT_UNAVAILABLE */
export async function bind(socket: UdpSocket, where: ListenAddress): Promise<number> {
  socket.bind(where.port, where.bindAddress);
  await reached(once(socket, 'listening'), 'UDP', where);
  return socket.address().port;
}

/** Resolves once nothing listens any more; the connections must have been closed. Idempotent. */
export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  server.close();
  await once(server, 'close');
}

async function reached(
  listening: Promise<unknown>,
  protocol: PortFacts['protocol'],
  { bindAddress: address, port, listener }: ListenAddress,
): Promise<void> {
  try {
    await listening;
  } catch (cause) {
    throw portUnavailable({ protocol, listener, address, port }, cause);
  }
}
