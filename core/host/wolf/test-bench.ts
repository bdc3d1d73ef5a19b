/** An API socket for tests: answers with given bytes, records what it was sent, and never closes a connection. */
import { mkdtemp, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestSocket {
  socketPath: string;
  /** Bytes of each connection, as text, in the order of the connections. */
  requests: string[];
  /** Open connections. */
  connections: Set<Socket>;
  close: () => Promise<void>;
}

/** @param reply what each connection gets once its first bytes came; nothing where `undefined`. */
export async function openTestSocket(
  reply: (request: string, socket: Socket) => string | undefined,
): Promise<TestSocket> {
  const directory = await mkdtemp(join(tmpdir(), 'gleipnir-wolf-'));
  const socketPath = join(directory, 'wolf.sock');
  const requests: string[] = [];
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    const index = requests.push('') - 1;
    connections.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => connections.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      const request = (requests[index] ?? '') + chunk.toString('utf8');
      requests[index] = request;
      if (!isComplete(request)) return;
      const text = reply(request, socket);
      if (text !== undefined) socket.write(text);
    });
  });
  server.listen(socketPath);
  await once(server, 'listening');
  return {
    socketPath,
    requests,
    connections,
    close: async () => {
      for (const socket of connections) socket.destroy();
      server.close();
      await once(server, 'close');
      await rm(directory, { recursive: true });
    },
  };
}

function isComplete(request: string): boolean {
  const [head = '', body] = request.split('\r\n\r\n', 2);
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
  return body !== undefined && body.length >= length;
}
