import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseMoonlightXml } from '../../core/protocol/moonlight/xml.ts';
import { readCapture } from '../../test/support/captures.ts';
import { letIn, startBench, type Bench } from './test-bench.ts';

interface Recorded {
  groups: { exchanges: { id: string; response?: { body: string } }[] }[];
}

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.stop());

/** Fields of a recorded /serverinfo that hold text, as ours must. */
function recordedFields(id: string): string[] {
  const exchanges = readCapture<Recorded>('http').groups.flatMap((group) => group.exchanges);
  const body = exchanges.find((exchange) => exchange.id === id)?.response?.body ?? '';
  return Object.keys(parseMoonlightXml(body)?.fields ?? {});
}

describe('GET /serverinfo', () => {
  it('has the fields of a recorded host, over HTTP and for strangers', async () => {
    const { statusCode, fields } = await bench.clients[0].http('/serverinfo');
    expect(statusCode).toBe(200);
    expect(Object.keys(fields)).toEqual(recordedFields('serverinfo-http-unpaired'));
    expect(fields).toMatchObject({
      hostname: 'Test & host',
      appversion: '7.1.431.-1',
      uniqueid: bench.identity.uniqueid,
      mac: '02:77:00:00:00:46',
      ServerCodecModeSupport: String(0x101),
      MaxLumaPixelsHEVC: '1869449984',
      HttpsPort: String(bench.ports.https),
      ExternalPort: String(bench.ports.http),
      LocalIP: '127.0.0.1',
      PairStatus: '0',
      currentgame: '0',
      state: 'SUNSHINE_SERVER_FREE',
    });
  });

  it('answers a stranger over HTTPS with 401, so that it asks over HTTP', async () => {
    const { statusCode, statusMessage } = await bench.clients[0].https('/serverinfo');
    expect(statusCode).toBe(401);
    expect(statusMessage).toBe('This client is not paired with this host');
  });

  it('tells a paired client the truth over HTTPS, and nothing over HTTP', async () => {
    const [client, other] = bench.clients;
    await letIn(bench, client);
    await letIn(bench, other);
    const { metadata, spec } = (await bench.pairings.list())[0] ?? {};
    const name = metadata?.name ?? '';
    await bench.sessions.create({
      name: 'game',
      spec: {
        userReference: { name },
        pairingReference: { name },
        gameReference: { name: '1788903683' },
      },
    });
    const [owner, stranger] =
      spec?.clientCertPEM.trim() === client.identity.certificatePem.trim()
        ? [client, other]
        : [other, client];
    const busy = { PairStatus: '1', currentgame: '1788903683', state: 'SUNSHINE_SERVER_BUSY' };
    const free = { PairStatus: '1', currentgame: '0', state: 'SUNSHINE_SERVER_FREE' };
    expect((await owner.https('/serverinfo')).fields).toMatchObject(busy);
    expect((await stranger.https('/serverinfo')).fields).toMatchObject(free);
    expect((await owner.http('/serverinfo')).fields).toMatchObject({ ...free, PairStatus: '0' });

    await bench.sessions.patchStatus('game', { phase: 'Ended', launchGeneration: 1 });
    expect((await owner.https('/serverinfo')).fields).toMatchObject(free);
  });
});
