import type { Socket } from 'node:net';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readCapture } from '../../test/support/captures.ts';
import { createClientCertificate, fingerprintOf, type Certificate } from '../identity/certificate.ts';
import { GleipnirError } from '../runtime/errors.ts';
import { HostHttpClient, type GetOptions, type Query } from './http-client.ts';
import {
  answerOf,
  recorded,
  startScriptedHost,
  xmlAnswer,
  type Script,
  type ScriptedHost,
} from '../../test/support/scripted-host.ts';

interface PairingCapture {
  host: { certPem: string; keyPem: string };
}

const captured = readCapture<PairingCapture>('pairing').host;
/** Wolf's own. */
const hostCertificate: Certificate = { certificatePem: captured.certPem, privateKeyPem: captured.keyPem };

const SECURE: GetOptions = { secure: true, timeoutMs: 5_000 };
const PLAIN: GetOptions = { secure: false, timeoutMs: 5_000 };
const BUDGET: GetOptions = { secure: false, timeoutMs: 80 };

let identity: Certificate;
let host: ScriptedHost | undefined;

beforeAll(async () => {
  identity = await createClientCertificate();
});

afterEach(async () => {
  await host?.stop();
  host = undefined;
});

async function clientOf(
  script: Script,
  pinned: string | undefined = hostCertificate.certificatePem,
): Promise<{ client: HostHttpClient; host: ScriptedHost }> {
  host = await startScriptedHost(hostCertificate, script);
  const endpoint = { address: '127.0.0.1', httpPort: host.httpPort };
  return { client: new HostHttpClient({ endpoint, identity, pinnedCertificatePem: () => pinned }), host };
}

/** The error a promise ends in. */
async function failureOf(promise: Promise<unknown>): Promise<GleipnirError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(GleipnirError);
  return error as GleipnirError;
}

function ending(bytes: string | Uint8Array): Script {
  return (_, socket) => {
    socket.end(bytes);
  };
}

describe('HostHttpClient.get', () => {
  it('sends what a real client sends', async () => {
    const launch = recorded('10mbit-launch');
    const { client, host } = await clientOf(ending(answerOf(launch)));
    const query = Object.entries(launch.query).filter(([name]) => name !== 'uniqueid' && name !== 'uuid');
    await client.get('/launch', query, SECURE);
    const sent = host.requests.at(-1);
    const [line, ...headers] = sent?.text.split('\r\n') ?? [];
    const uuid = /uuid=[0-9a-f-]{36}/;
    expect(line?.replace(uuid, 'uuid')).toBe(launch.requestText.split('\r\n')[0]?.replace(uuid, 'uuid'));
    expect(headers.map((header) => header.toLowerCase())).toEqual(
      expect.arrayContaining([`host: 127.0.0.1:${host.httpsPort}`, 'accept: */*']),
    );
    expect(sent?.client).toBe(fingerprintOf(identity.certificatePem));
  });

  it('uses a new uuid for every request', async () => {
    const { client, host } = await clientOf(ending(xmlAnswer('')));
    for (let i = 0; i < 3; i++) await client.get('/x', [], PLAIN);
    expect(new Set(host.requests.map(({ query }) => query.get('uuid'))).size).toBe(3);
  });

  it('escapes what would break the query', async () => {
    const { client, host } = await clientOf(ending(xmlAnswer('')));
    const query: Query = [['clientname', 'a b&c=d\r\nX: y#ü']];
    await client.get('/x', query, PLAIN);
    expect(host.requests[0]?.query.get('clientname')).toBe('a b&c=d\r\nX: y#ü');
  });

  it('reports the address that was reached in canonical form', async () => {
    const { client } = await clientOf(ending(xmlAnswer('')));
    expect((await client.get('/x', [], PLAIN)).address).toBe('127.0.0.1');
  });

  it('resumes no TLS session and reuses no connection', async () => {
    const { client, host } = await clientOf(ending(answerOf(recorded('applist'))));
    for (let i = 0; i < 4; i++) expect((await client.get('/applist', [], SECURE)).xml.apps).toHaveLength(4);
    expect(host.requests.map(({ isSessionReused }) => isSessionReused)).not.toContain(true);
    // Once to learn the HTTPS port, then once per call.
    expect(host.requests.map(({ path }) => path)).toEqual([
      '/serverinfo',
      ...Array<string>(4).fill('/applist'),
    ]);
  });

  it.each([
    'resume',
    'launch-while-running-same-app',
    'launch',
    'serverinfo-busy',
    'cancel',
    'launch-unknown-appid',
    'unknown-path',
    'applist-unpaired-certificate',
  ])('reads the recorded answer %s, however the connection goes on', async (id) => {
    const answer = answerOf(recorded(id));
    const status = Number(/status_code="(\d+)"/.exec(answer)?.[1]);
    const habits: Script[] = [
      (_, socket) => socket.end(answer),
      (_, socket) => socket.write(answer),
      (_, socket) => socket.write(answer, () => socket.destroy()),
      (_, socket) => socket.write(answer, () => socket.write('\0garbage\r\n\r\nHTTP/9.9 no\r\n')),
      (_, socket) => socket.end(`${answer}HTTP/1.1 400 Bad Request\r\n\r\n<root status_code="400"/>`),
    ];
    for (const habit of habits) {
      const { client, host } = await clientOf(habit);
      expect((await client.get('/any', [], SECURE)).xml.statusCode).toBe(status);
      await host.stop();
    }
  });

  it('reads an answer that comes in pieces, cut anywhere', async () => {
    const answer = Buffer.from(answerOf(recorded('resume')));
    const { client } = await clientOf((request, socket) => {
      const cuts = (request.query.get('cuts') ?? '').split(',').map(Number);
      writePieces(
        socket,
        [0, ...cuts].map((cut, i) => answer.subarray(cut, cuts[i])),
      );
    });
    const cuts = fc.uniqueArray(fc.nat(answer.length), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(cuts, async (at) => {
        at.sort((a, b) => a - b);
        const { xml } = await client.get('/resume', [['cuts', at.join(',')]], PLAIN);
        expect(xml.fields['resume']).toBe('1');
      }),
      { numRuns: 30 },
    );
  });

  it('reads to the end of the connection where no length is announced', async () => {
    const { client } = await clientOf(
      ending('HTTP/1.0 200 OK\r\n\r\n<root status_code="200"><a>1</a></root>'),
    );
    expect((await client.get('/x', [], PLAIN)).xml.fields['a']).toBe('1');
  });

  it.each([
    { name: 'closes at once', script: ending(''), reason: 'ECONNRESET' },
    { name: 'resets', script: (_, socket) => void socket.resetAndDestroy(), reason: 'ECONNRESET' },
    {
      name: 'sends less than announced',
      script: ending('HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n<root status_code="200"/>'),
      reason: 'truncated',
    },
    {
      name: 'speaks another language',
      script: ending('SSH-2.0-OpenSSH_9.6\r\n'),
      reason: 'HPE_INVALID_CONSTANT',
    },
    {
      name: 'sends an endless head',
      script: ending(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(99_999)}`),
      reason: 'HPE_HEADER_OVERFLOW',
    },
  ] satisfies { name: string; script: Script; reason: string }[])(
    'says HOST_UNREACHABLE when the host $name',
    async ({ script, reason }) => {
      const { client } = await clientOf(script);
      const failure = await failureOf(client.get('/launch', [['rikey', 'planted-secret']], PLAIN));
      expect(failure).toMatchObject({ code: 'HOST_UNREACHABLE', details: { path: '/launch', reason } });
      expect(inspect(failure)).not.toContain('planted');
    },
  );

  it.each([
    {
      name: 'announces too much',
      script: ending('HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n<root'),
      message: 'The answer of the host is too large',
    },
    {
      name: 'does not stop sending',
      script: (_, socket) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        const more = (): void => {
          if (socket.writable) socket.write('x'.repeat(16_384), more);
        };
        more();
      },
      message: 'The answer of the host is too large',
    },
    {
      name: 'sends no XML',
      script: ending('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nno!'),
      message: 'The host answers something else than Moonlight XML',
    },
  ] satisfies { name: string; script: Script; message: string }[])(
    'says HOST_ANSWER_INVALID when the host $name',
    async ({ script, message }) => {
      const { client } = await clientOf(script);
      const failure = await failureOf(client.get('/launch', [['rikey', 'planted-secret']], PLAIN));
      expect(failure).toMatchObject({ code: 'HOST_ANSWER_INVALID', message, details: { path: '/launch' } });
      expect(inspect(failure)).not.toContain('planted');
    },
  );

  it.each([
    { name: 'never answers', script: () => undefined },
    { name: 'stops in the head', script: (_, socket) => void socket.write('HTTP/1.1 200 OK\r\n') },
    {
      name: 'stops in the body',
      script: (_, socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<'),
    },
  ] satisfies { name: string; script: Script }[])(
    'gives up in time when the host $name',
    async ({ script }) => {
      const { client } = await clientOf(script);
      const failure = await failureOf(client.get('/x', [], BUDGET));
      expect(failure).toMatchObject({ code: 'HOST_UNREACHABLE', details: { reason: 'timeout' } });
    },
  );

  it('gives up in time on a listener that never speaks TLS', async () => {
    const { client, host } = await clientOf(() => undefined);
    host.httpsPort = host.httpPort;
    const failure = await failureOf(client.get('/applist', [], { secure: true, timeoutMs: 80 }));
    expect(failure).toMatchObject({
      code: 'HOST_UNREACHABLE',
      details: { path: '/applist', port: host.httpPort, reason: 'timeout' },
    });
  });

  it('stops when the caller aborts, before and during the request', async () => {
    const controller = new AbortController();
    const { client } = await clientOf(() => {
      controller.abort();
    });
    const options = { ...PLAIN, signal: controller.signal };
    for (let i = 0; i < 2; i++) {
      const failure = await failureOf(client.get('/pair', [], options));
      expect(failure).toMatchObject({ code: 'HOST_UNREACHABLE', details: { reason: 'aborted' } });
    }
    expect(host?.requests).toHaveLength(1);
  });

  it('says HOST_UNREACHABLE where nobody listens, and asks for the HTTPS port again', async () => {
    const { client, host } = await clientOf(ending(xmlAnswer('')));
    await client.get('/x', [], SECURE);
    await host.stop();
    const failure = await failureOf(client.get('/x', [], SECURE));
    expect(failure).toMatchObject({
      code: 'HOST_UNREACHABLE',
      details: { port: host.httpsPort, reason: 'ECONNREFUSED' },
    });
    const again = await failureOf(client.get('/x', [], SECURE));
    expect(again.details).toMatchObject({ port: host.httpPort, path: '/serverinfo' });
  });

  it('survives any bytes', async () => {
    const { client } = await clientOf((request, socket) => {
      socket.end(Buffer.from(request.query.get('bytes') ?? '', 'hex'));
    });
    const head = fc.constantFrom('', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
    await fc.assert(
      fc.asyncProperty(head, fc.uint8Array({ maxLength: 64 }), async (start, rest) => {
        const bytes = Buffer.concat([Buffer.from(start), rest]).toString('hex');
        const failure = await failureOf(client.get('/x', [['bytes', bytes]], PLAIN));
        expect(['HOST_UNREACHABLE', 'HOST_ANSWER_INVALID']).toContain(failure.code);
      }),
      { numRuns: 60 },
    );
  });
});

describe('HostHttpClient and certificates', () => {
  it('sends nothing to a host that shows another certificate than the pinned one', async () => {
    const { client, host } = await clientOf(ending(xmlAnswer('')), identity.certificatePem);
    const failure = await failureOf(client.get('/launch', [['rikey', 'secret']], SECURE));
    expect(failure.code).toBe('HOST_CERTIFICATE_CHANGED');
    expect(host.requests.filter(({ secure }) => secure)).toEqual([]);
  });

  it('sends nothing over HTTPS before the host is paired', async () => {
    host = await startScriptedHost(hostCertificate, ending(xmlAnswer('')));
    const endpoint = { address: '127.0.0.1', httpPort: host.httpPort };
    const client = new HostHttpClient({ endpoint, identity, pinnedCertificatePem: () => undefined });
    expect((await failureOf(client.get('/applist', [], SECURE))).code).toBe('HOST_NOT_PAIRED');
    expect(host.requests).toEqual([]);
  });

  it('accepts any certificate where none is to be pinned', async () => {
    host = await startScriptedHost(hostCertificate, ending(xmlAnswer('<a>1</a>')));
    const endpoint = { address: '127.0.0.1', httpPort: host.httpPort };
    const client = new HostHttpClient({ endpoint, identity });
    expect((await client.get('/applist', [], SECURE)).xml.fields['a']).toBe('1');
  });
});

describe('HostHttpClient.getBytes', () => {
  it('reads up to 8 MiB of anything', async () => {
    const bytes = Buffer.alloc(1 << 20, 7);
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\n\r\n`;
    const { client } = await clientOf(ending(Buffer.concat([Buffer.from(head), bytes])));
    const { status, body } = await client.getBytes('/appasset', [], SECURE);
    expect(status).toBe(200);
    expect(body.equals(bytes)).toBe(true);
  });

  it('refuses more', async () => {
    const { client } = await clientOf(ending(`HTTP/1.1 200 OK\r\nContent-Length: ${(8 << 20) + 1}\r\n\r\nx`));
    const failure = await failureOf(client.getBytes('/appasset', [], SECURE));
    expect(failure.code).toBe('HOST_ANSWER_INVALID');
  });
});

function writePieces(socket: Socket, [piece, ...rest]: Uint8Array[]): void {
  if (piece === undefined) {
    socket.end();
    return;
  }
  socket.write(piece, () => setImmediate(writePieces, socket, rest));
}
