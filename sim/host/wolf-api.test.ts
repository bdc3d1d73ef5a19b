import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createWolfClient, type WolfClient } from '../../core/host/wolf/client.ts';
import { createClientCertificate, fingerprintOf } from '../../core/identity/certificate.ts';
import { readCapture } from '../../test/support/captures.ts';
import { createSimHost, type SimHost } from './host.ts';
import { wolfIdOf } from './wolf-api-routes.ts';

interface Recording {
  groups: { entries: { name: string; request?: { raw: string }; response?: { raw: string } }[] }[];
}

const entries = readCapture<Recording>('wolf-api').groups.flatMap((group) => group.entries);

let directory: string;
let socketPath: string;
let host: SimHost;
let client: WolfClient;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-wolf-'));
  socketPath = join(directory, 'wolf.sock');
  client = createWolfClient({ socketPath });
});

afterEach(async () => {
  await host.stop();
  await rm(directory, { recursive: true });
});

async function start(pairedCertificates: string[] = []): Promise<void> {
  host = createSimHost({ wolfSocket: socketPath, pairedCertificates });
  await host.start();
}

/** All bytes until `size` are there, or the connection ends. */
function exchange(request: string, size: number): Promise<string> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(socketPath, () => socket.write(request));
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('utf8');
      if (received.length >= size) socket.destroy();
    });
    socket.on('close', () => {
      resolve(received);
    });
  });
}

describe('the API socket of the simulated host', () => {
  it.each([
    'get-sessions-empty',
    'get-pair-pending-empty',
    'err-stop-unknown-session',
    'err-chunked-body',
    'err-unknown-path',
    'err-get-on-post-path',
    'err-sessions-resume-not-in-this-version',
    'err-pair-client-wrong-secret',
    'err-unpair-unknown-client',
    'http11-keep-alive',
  ])('answers %s byte for byte as Wolf did', async (name) => {
    const { request, response } = entries.find((entry) => entry.name === name) ?? {};
    await start();
    const expected = response?.raw ?? 'no such recording';
    expect(await exchange(request?.raw ?? '', expected.length)).toBe(expected);
  });

  it.each(['fatal-stop-non-numeric-session', 'fatal-start-unknown-session'])('dies of %s', async (name) => {
    const { request } = entries.find((entry) => entry.name === name) ?? {};
    await start();
    expect(await exchange(request?.raw ?? '', 1)).toBe('');
    await expect(client.sessions()).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
  });

  it('knows the clients that are paired, and forgets one', async () => {
    const { certificatePem } = await createClientCertificate();
    await start([certificatePem]);
    const clientId = wolfIdOf(fingerprintOf(certificatePem) ?? '');
    expect(await client.clients()).toEqual([{ clientId }]);
    await client.unpair(clientId);
    expect(await client.clients()).toEqual([]);
  });
});
