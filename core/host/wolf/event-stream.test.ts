import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { readCapture } from '../../../test/support/captures.ts';
import { WolfEventStream } from './event-stream.ts';
import { openTestSocket, type TestSocket } from './test-bench.ts';

interface Recording {
  rawChunks: { direction: string; text: string }[];
}

const { wholeSession } = readCapture<Record<'wholeSession', Recording>>('sse');
const chunks = wholeSession.rawChunks
  .filter(({ direction }) => direction === 'response')
  .map(({ text }) => text);
const [head = ''] = chunks;

let socket: TestSocket | undefined;
let stream: WolfEventStream | undefined;

function follow(silenceMs?: number): string[] {
  const seen: string[] = [];
  stream = new WolfEventStream({
    socketPath: socket?.socketPath ?? '',
    onEvent: ({ type }) => seen.push(type),
    onConnected: () => seen.push('connected'),
    onDisconnected: () => seen.push('disconnected'),
    log: pino({ level: 'silent' }),
    ...(silenceMs !== undefined && { silenceMs }),
  });
  stream.start();
  return seen;
}

afterEach(async () => {
  await stream?.stop();
  await socket?.close();
});

describe('WolfEventStream', () => {
  it('gives the events of a recorded session in order', async () => {
    socket = await openTestSocket((_, connection) => {
      for (const chunk of chunks) connection.write(chunk);
      return undefined;
    });
    const seen = follow();
    await expect
      .poll(() => seen)
      .toEqual([
        'connected',
        'StreamSession',
        'ResumeStreamEvent',
        'PauseStreamEvent',
        'ResumeStreamEvent',
        'StopStreamEvent',
        'StopStreamEvent',
        'PauseStreamEvent',
      ]);
    expect(socket.requests[0]).toMatch(/^GET \/api\/v1\/events HTTP\/1\.1\r\n/);
  });

  it('connects again when Wolf went away, and says so', async () => {
    socket = await openTestSocket(() => head);
    const seen = follow();
    await expect.poll(() => seen).toEqual(['connected']);
    for (const connection of socket.connections) connection.destroy();
    await expect.poll(() => seen).toEqual(['connected', 'disconnected', 'connected']);
  });

  it('gives up a connection that fell silent', async () => {
    socket = await openTestSocket(() => head);
    const seen = follow(100);
    await expect.poll(() => seen.filter((each) => each === 'connected').length).toBeGreaterThan(1);
    expect(seen.slice(0, 3)).toEqual(['connected', 'disconnected', 'connected']);
  });

  it('waits for a Wolf that refuses, without a word', async () => {
    socket = await openTestSocket(() => 'HTTP/1.0 404 OK\r\nContent-Length: 0\r\n\r\n');
    const seen = follow();
    await expect.poll(() => socket?.requests.length).toBeGreaterThan(1);
    expect(seen).toEqual([]);
  });

  it('ends at once, connected or not', async () => {
    socket = await openTestSocket(() => head);
    const seen = follow();
    await expect.poll(() => seen).toEqual(['connected']);
    await stream?.stop();
    expect(seen).toEqual(['connected', 'disconnected']);
    await expect.poll(() => socket?.connections.size).toBe(0);
  });
});
