/** Traffic from the pod to the edge that is none of the relay's. Source: icmp(7), RFC 792, RFC 4443. */
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { createServer, isIPv6, Socket } from 'node:net';
import { until } from '../../relay/testing/udp-peer.ts';
import { connectSocket, testLibc } from './kernel-libc.ts';
import type { RoutedNetwork } from './routed.ts';

const SOCK_STREAM_CLOEXEC = 0x8_0001;
const SOCK_RAW_CLOEXEC = 0x8_0003;
const DO_NOT_WAIT = 0x40;
/** The IPv4 header comes with what is received, the checksum is ours to make; over IPv6 neither is so. */
const ECHO = {
  v4: { protocol: 1, request: '0800f7ff00000000', reply: 0, replyAt: 20 },
  v6: { protocol: 58, request: '8000000000000000', reply: 129, replyAt: 0 },
} as const;

/** Resolves when an ICMP echo request, as of ping(8), was answered by `address`. */
export async function echo(network: RoutedNetwork, address: string): Promise<void> {
  const { protocol, request, reply, replyAt } = isIPv6(address) ? ECHO.v6 : ECHO.v4;
  const descriptor = network.inside('pod', () => connectSocket(SOCK_RAW_CLOEXEC, protocol, address, 0));
  try {
    const bytes = Buffer.from(request, 'hex');
    testLibc().send(descriptor, bytes, bytes.length, 0);
    const answer = Buffer.alloc(1500);
    await until(() => {
      const size = testLibc().recv(descriptor, answer, answer.length, DO_NOT_WAIT);
      return size > replyAt && answer[replyAt] === reply;
    }, `an echo of ${address}`);
  } finally {
    closeSync(descriptor);
  }
}

/** Connects from the pod to a server at `address`, of the edge, by TCP. @returns what that answered. */
export async function talkTcp(network: RoutedNetwork, address: string): Promise<string> {
  const server = createServer((socket) => socket.end('answered')).listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const descriptor = network.inside('pod', () => connectSocket(SOCK_STREAM_CLOEXEC, 0, address, port));
  const socket = new Socket({ fd: descriptor });
  let text = '';
  socket.on('data', (bytes) => (text += bytes.toString()));
  await once(socket, 'end');
  socket.destroy();
  server.close();
  return text;
}
