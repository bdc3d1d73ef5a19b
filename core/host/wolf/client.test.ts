import { afterEach, describe, expect, it } from 'vitest';
import { readCapture } from '../../../test/support/captures.ts';
import { createWolfClient, type WolfClient } from './client.ts';
import { openTestSocket, type TestSocket } from './test-bench.ts';

interface Recording {
  groups: {
    id: string;
    entries: { name: string; request?: { body?: string }; response?: { raw: string } }[];
  }[];
}

const entries = readCapture<Recording>('wolf-api').groups.flatMap((group) => group.entries);
const recorded = (name: string): string => entries.find((entry) => entry.name === name)?.response?.raw ?? '';
const recordedBody = (name: string): unknown =>
  JSON.parse(entries.find((entry) => entry.name === name)?.request?.body ?? '');

let socket: TestSocket | undefined;

async function answering(raw: string | undefined): Promise<WolfClient> {
  socket = await openTestSocket(() => raw);
  return createWolfClient({ socketPath: socket.socketPath });
}

afterEach(async () => {
  await socket?.close();
  socket = undefined;
});

const SESSION = '1966610632439345192';

/** Each call, with the reply of a real Wolf; the connection stays open behind it. */
const CALLS: {
  name: string;
  entry: string;
  call: (client: WolfClient) => Promise<unknown>;
  result: unknown;
  line: string;
}[] = [
  {
    name: 'pairPending',
    entry: 'get-pair-pending',
    call: (client) => client.pairPending(),
    result: [{ pairSecret: 'B6BBE130C70B05AB', clientAddress: '10.77.0.170' }],
    line: 'GET /api/v1/pair/pending HTTP/1.1',
  },
  {
    name: 'pairClient',
    entry: 'pair-client',
    call: (client) => client.pairClient('B6BBE130C70B05AB', '1234'),
    result: undefined,
    line: 'POST /api/v1/pair/client HTTP/1.1',
  },
  {
    name: 'clients',
    entry: 'get-clients-after-pairing',
    call: (client) => client.clients(),
    result: [{ clientId: SESSION }, { clientId: '9735988755879541668' }],
    line: 'GET /api/v1/clients HTTP/1.1',
  },
  {
    name: 'unpair',
    entry: 'unpair-client',
    call: (client) => client.unpair('9735988755879541668'),
    result: undefined,
    line: 'POST /api/v1/unpair/client HTTP/1.1',
  },
  {
    name: 'sessions, with one',
    entry: 'get-sessions-one',
    call: (client) => client.sessions(),
    result: [{ sessionId: SESSION, appId: '1788903683', label: '1.2.3.4', clientAddress: '10.77.0.170' }],
    line: 'GET /api/v1/sessions HTTP/1.1',
  },
  {
    name: 'sessions, with none',
    entry: 'get-sessions-empty',
    call: (client) => client.sessions(),
    result: [],
    line: 'GET /api/v1/sessions HTTP/1.1',
  },
  {
    name: 'sessionsStop',
    entry: 'sessions-stop',
    call: (client) => client.sessionsStop(SESSION),
    result: undefined,
    line: 'POST /api/v1/sessions/stop HTTP/1.1',
  },
];

describe('createWolfClient', () => {
  it.each(CALLS)(
    '$name: asks as recorded and takes the recorded reply',
    async ({ entry, call, result, line }) => {
      const client = await answering(recorded(entry));
      expect(await call(client)).toEqual(result);
      const [request = ''] = socket?.requests ?? [];
      const [head = '', body = ''] = request.split('\r\n\r\n', 2);
      expect(head.split('\r\n')[0]).toBe(line);
      expect(head).not.toMatch(/transfer-encoding/i);
      if (!line.startsWith('POST')) return;
      expect(head).toMatch(new RegExp(`^content-length: ${body.length}$`, 'im'));
      expect(JSON.parse(body)).toEqual(recordedBody(entry));
    },
  );

  it('takes a reply in pieces, and leaves no connection', async () => {
    const raw = recorded('get-pair-pending');
    socket = await openTestSocket((_, connection) => {
      for (const character of raw) connection.write(character);
      return undefined;
    });
    const client = createWolfClient({ socketPath: socket.socketPath });
    expect(await client.pairPending()).toHaveLength(1);
    await expect.poll(() => socket?.connections.size).toBe(0);
  });

  it.each([
    { entry: 'err-pair-client-wrong-secret', message: 'Invalid pair secret', status: 500 },
    { entry: 'err-unpair-unknown-client', message: 'Client not found', status: 404 },
    { entry: 'err-unknown-path', message: '', status: 404 },
    { entry: 'err-chunked-body', message: '', status: 500 },
  ])('passes on what Wolf says: $entry', async ({ entry, message, status }) => {
    const client = await answering(recorded(entry));
    await expect(client.pairClient('B6BBE130C70B05AB', '1234')).rejects.toMatchObject({
      code: 'HOST_REFUSED',
      details: { message, status },
    });
  });

  it.each(['abc', '', '-1', '7 ', '123456789012345678901'])('never sends %j as an id', async (id) => {
    const client = await answering(recorded('sessions-stop'));
    await expect(client.sessionsStop(id)).rejects.toMatchObject({ code: 'HOST_REFUSED' });
    await expect(client.unpair(id)).rejects.toMatchObject({ code: 'HOST_REFUSED' });
    expect(socket?.requests).toEqual([]);
  });

  it.each([
    { name: 'no reply', raw: '', reason: 'ECONNRESET' },
    {
      name: 'a reply that is cut',
      raw: 'HTTP/1.0 200 OK\r\nContent-Length: 30\r\n\r\n{"succ',
      reason: 'truncated',
    },
    { name: 'no JSON', raw: 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi', reason: 'malformed' },
    {
      name: 'an id that is no number',
      raw: 'HTTP/1.0 200 OK\r\nContent-Length: 44\r\n\r\n{"success":true,"clients":[{"client_id":"x"}]}'.slice(
        0,
        -2,
      ),
      reason: 'malformed',
    },
    { name: 'no HTTP', raw: 'hello\r\n\r\n', reason: 'HPE_INVALID_CONSTANT' },
  ])('reports $name', async ({ raw, reason }) => {
    socket = await openTestSocket((_, connection) => {
      connection.end(raw);
      return undefined;
    });
    const client = createWolfClient({ socketPath: socket.socketPath });
    await expect(client.clients()).rejects.toMatchObject({ code: 'HOST_UNREACHABLE', details: { reason } });
  });

  it('refuses a reply of more than 200 KiB', async () => {
    const body = JSON.stringify({ clients: [], filler: 'x'.repeat(250_000) });
    const client = await answering(`HTTP/1.0 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await expect(client.clients()).rejects.toMatchObject({ details: { reason: 'too large' } });
    await expect.poll(() => socket?.connections.size).toBe(0);
  });

  it('says that there is no socket', async () => {
    const client = createWolfClient({ socketPath: '/nonexistent/wolf.sock' });
    await expect(client.sessions()).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
      details: { reason: 'ENOENT' },
    });
  });

  it('puts neither secret nor PIN into an error', async () => {
    const client = await answering(recorded('err-pair-client-wrong-secret'));
    const error: unknown = await client.pairClient('B6BBE130C70B05AB', '1234').catch((each: unknown) => each);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toMatch(/B6BBE130C70B05AB|1234/);
  });
});
