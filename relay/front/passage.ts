/** One client's TCP connection: to the first proxy that takes it, with a PROXY header, then bytes both ways. */
import { connect, type Socket } from 'node:net';
import type { ProxyEndpoint } from '../../core/protocol/proxy-protocol/header.ts';
import { canonicalAddress } from '../../core/runtime/address.ts';
import type { Proxies } from './proxies.ts';

/** How long a proxy may take to accept before the next one is asked. */
export const CONNECT_TIMEOUT_MS = 150;
/** Neither side says anything for so long: the longest answer, that to pairing's first step, takes 3 minutes. */
const IDLE_MS = 240_000;

export interface PassageDeps {
  proxies: Proxies;
  /** The same service at every proxy. */
  port: number;
  /** The header for a connection. */
  header: (connection: { source: ProxyEndpoint; destination: ProxyEndpoint }) => Uint8Array;
  /** Counts a connection that no proxy took. */
  unserved: () => void;
}

/**
 * Passes a connection on until both sides have ended. Half-close goes through: a side that has said everything may
 * still be answered. A side that breaks breaks the other.
 *
 * @param client not read from yet, `allowHalfOpen`.
 */
export async function passOn(client: Socket, deps: PassageDeps): Promise<void> {
  const connection = endpointsOf(client);
  const proxy = connection && (await connectInTurn(client, deps));
  if (connection === undefined || proxy === undefined || client.destroyed) {
    if (proxy === undefined && !client.destroyed) deps.unserved();
    client.destroy();
    proxy?.destroy();
    return;
  }
  proxy.write(deps.header(connection));
  join(client, proxy);
}

async function connectInTurn(client: Socket, { proxies, port }: PassageDeps): Promise<Socket | undefined> {
  for (const address of proxies.inTurn()) {
    if (client.destroyed) return undefined;
    const socket = await tryConnect(address, port);
    if (socket !== undefined) {
      proxies.answered(address);
      return socket;
    }
    proxies.failed(address);
  }
  return undefined;
}

function tryConnect(host: string, port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const giveUp = (): void => {
      socket.destroy();
      resolve(undefined);
    };
    const timer = setTimeout(giveUp, CONNECT_TIMEOUT_MS);
    socket.once('error', giveUp);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', giveUp);
      resolve(socket);
    });
    socket.once('close', () => {
      clearTimeout(timer);
    });
  });
}

function join(client: Socket, proxy: Socket): void {
  for (const [socket, other] of [
    [client, proxy],
    [proxy, client],
  ] as const) {
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('error', () => other.destroy());
    socket.once('close', () => {
      // What was received in full has ended the other side in order already.
      if (!socket.readableEnded) other.destroy();
    });
    socket.pipe(other);
  }
}

/** @returns nothing for a client that has gone. */
function endpointsOf(client: Socket): { source: ProxyEndpoint; destination: ProxyEndpoint } | undefined {
  const { remoteAddress, remotePort, localAddress, localPort } = client;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  if (localAddress === undefined || localPort === undefined) return undefined;
  return {
    source: { address: canonicalAddress(remoteAddress), port: remotePort },
    destination: { address: canonicalAddress(localAddress), port: localPort },
  };
}
