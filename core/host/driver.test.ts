import { Writable } from 'node:stream';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createClientCertificate, createHostCertificate, type Certificate } from '../identity/certificate.ts';
import { certificateSignature } from '../protocol/pairing/certificate.ts';
import { answerClientChallenge, derivePairingKey, makePairingSecret } from '../protocol/pairing/crypto.ts';
import { createLogger } from '../runtime/log.ts';
import { createHostDriver } from './driver.ts';
import type { HostIdentity } from './identities.ts';
import { PairingQueue } from './pairing-queue.ts';
import {
  answerOf,
  recorded,
  startScriptedHost,
  xmlAnswer,
  type Script,
  type ScriptedHost,
} from '../../test/support/scripted-host.ts';
import type { HostDriver, LaunchRequest } from './types.ts';

const RIKEY = '33333333333333333333333333333333';

const REQUEST: LaunchRequest = {
  appId: 1788903683,
  rikey: Buffer.from(RIKEY, 'hex'),
  rikeyid: -5,
  parameters: {
    mode: '1280x720x60',
    additionalStates: '1',
    sops: '1',
    localAudioPlayMode: '0',
    surroundAudioInfo: '196610',
    remoteControllersBitmap: '0',
    gcmap: '0',
    corever: '1',
  },
};

/** The whole of a 1x1 picture is not needed to be known as one. */
const PNG = Buffer.from('89504e470d0a1a0a0000000d', 'hex');

let certificate: Certificate;
let identity: Certificate;
let host: ScriptedHost | undefined;
let logged = '';

beforeAll(async () => {
  [certificate, identity] = await Promise.all([createHostCertificate('Wolf'), createClientCertificate()]);
});

afterEach(async () => {
  await host?.stop();
  host = undefined;
  logged = '';
});

interface Setup {
  driver: HostDriver;
  host: ScriptedHost;
  known: HostIdentity;
}

/** Paired, unless told otherwise. Each path's answers are played in turn, the last again and again. */
async function setUp(answers: Record<string, (string | Uint8Array)[]>, isPaired = true): Promise<Setup> {
  const played = new Map<string, number>();
  host = await startScriptedHost(certificate, ({ path }, socket) => {
    const turn = played.get(path) ?? 0;
    played.set(path, turn + 1);
    const all = answers[path] ?? [];
    socket.end(all[Math.min(turn, all.length - 1)] ?? '');
  });
  const known = fakeIdentity(isPaired ? certificate.certificatePem : undefined);
  const log = createLogger(
    'debug',
    new Writable({
      write: (chunk: Buffer, _, done) => {
        logged += chunk.toString();
        done();
      },
    }),
  );
  const endpoint = { address: 'localhost', httpPort: host.httpPort };
  const pairingQueue = new PairingQueue();
  const driver = createHostDriver({ hostName: 'wolf', endpoint, identity: known, pairingQueue, log });
  return { driver, host, known };
}

function fakeIdentity(initial: string | undefined): HostIdentity {
  let pem = initial;
  return {
    identity,
    get hostCertificatePem() {
      return pem;
    },
    setHostCertificate: (next) => {
      pem = next;
      return Promise.resolve();
    },
  };
}

function pathsOf({ requests }: ScriptedHost): string[] {
  return requests.map(({ secure, path }) => `${secure ? 'https' : 'http'} ${path}`);
}

/** The host's side of pairing; like Wolf, it never answers a first step that comes while another exchange runs. */
function createPairingScript({ certificatePem, privateKeyPem }: Certificate, pin: string): Script {
  const hostSignature = certificateSignature(certificatePem) ?? Buffer.alloc(0);
  const [hostSecret, hostChallenge] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
  let key: Buffer | undefined;
  return ({ query }, socket) => {
    const bytesOf = (name: string): Buffer => Buffer.from(query.get(name) ?? '', 'hex');
    const answer = (field: string, bytes: Uint8Array): void => {
      const digits = Buffer.from(bytes).toString('hex').toUpperCase();
      socket.end(xmlAnswer(`<paired>1</paired><${field}>${digits}</${field}>`));
    };
    if (query.has('salt')) {
      if (key !== undefined) return;
      key = derivePairingKey(bytesOf('salt'), pin);
      answer('plaincert', Buffer.from(certificatePem));
    } else if (query.has('clientchallenge') && key !== undefined) {
      const options = { key, clientChallenge: bytesOf('clientchallenge'), hostSignature };
      const response = answerClientChallenge({ ...options, hostSecret, hostChallenge });
      answer('challengeresponse', response ?? Buffer.alloc(0));
    } else if (query.has('serverchallengeresp')) {
      answer('pairingsecret', makePairingSecret(hostSecret, privateKeyPem));
    } else {
      if (query.has('clientpairingsecret')) key = undefined;
      socket.end(xmlAnswer('<paired>1</paired>'));
    }
  };
}

describe('createHostDriver().serverinfo', () => {
  it('asks over plain HTTP before pairing, and is unpaired whatever that says', async () => {
    const { driver, host } = await setUp({}, false);
    expect(await driver.serverinfo()).toEqual({
      hostname: 'Wolf-70',
      uniqueid: '4ade85a2-2e8b-46d7-a944-8ebdfafeb4a7',
      appversion: '7.1.431.-1',
      gfeVersion: '3.23.0.74',
      httpsPort: host.httpsPort,
      codecModes: 1,
      maxLumaPixelsHEVC: 0,
      isPaired: false,
      isBusy: false,
      currentgame: 0,
    });
    expect(pathsOf(host)).toEqual(['http /serverinfo']);
  });

  it('asks over HTTPS once paired', async () => {
    const { driver } = await setUp({ '/serverinfo': [answerOf(recorded('serverinfo-busy'))] });
    expect(await driver.serverinfo()).toMatchObject({
      isPaired: true,
      isBusy: true,
      currentgame: 1788903683,
    });
  });

  it('is unpaired when the host forgot us', async () => {
    const { driver } = await setUp({
      '/serverinfo': [answerOf(recorded('serverinfo-unpaired-certificate'))],
    });
    expect(await driver.serverinfo()).toMatchObject({ hostname: 'Wolf-70', isPaired: false });
  });

  it('reads no game from a free host, and H.264 where no codec is named', async () => {
    const fields =
      '<appversion>7.1.431.0</appversion><state>X_SERVER_FREE</state><currentgame>9</currentgame>';
    const { driver } = await setUp({ '/serverinfo': [xmlAnswer(fields)] });
    expect(await driver.serverinfo()).toMatchObject({ isBusy: false, currentgame: 0, codecModes: 1 });
  });

  it('refuses what is no Moonlight host', async () => {
    const { driver } = await setUp({ '/serverinfo': [xmlAnswer('<hostname>x</hostname>')] });
    await expect(driver.serverinfo()).rejects.toMatchObject({ code: 'HOST_ANSWER_INVALID' });
  });
});

describe('createHostDriver().applist and appasset', () => {
  it('lists the apps', async () => {
    const { driver } = await setUp({ '/applist': [answerOf(recorded('applist'))] });
    const { apps, leftOut } = await driver.applist();
    expect(apps).toContainEqual({ id: 1788903683, title: 'Test desktop', isHdrSupported: false });
    expect(leftOut).toEqual({});
  });

  it.each(['applist', 'launch', 'resume', 'cancel'] as const)('says HOST_NOT_PAIRED to %s', async (call) => {
    const answer = answerOf(recorded('applist-unpaired-certificate'));
    const { driver } = await setUp({ [`/${call}`]: [answer] });
    await expect(driver[call](REQUEST)).rejects.toMatchObject({
      code: 'HOST_NOT_PAIRED',
      details: {
        path: `/${call}`,
        message: 'The client is not authorized. Certificate verification failed.',
      },
    });
  });

  it('asks nothing before pairing', async () => {
    const { driver, host } = await setUp({}, false);
    await expect(driver.applist()).rejects.toMatchObject({ code: 'HOST_NOT_PAIRED' });
    await expect(driver.launch(REQUEST)).rejects.toMatchObject({ code: 'HOST_NOT_PAIRED' });
    expect(host.requests).toEqual([]);
  });

  it.each([
    { name: 'a picture', bytes: PNG, expected: { type: 'image/png', bytes: PNG } },
    { name: 'HTML', bytes: Buffer.from('<script>'), expected: undefined },
    { name: 'SVG', bytes: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), expected: undefined },
  ])('gives $name only if it is one', async ({ bytes, expected }) => {
    const head = `HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: ${bytes.length}\r\n\r\n`;
    const { driver, host } = await setUp({ '/appasset': [Buffer.concat([Buffer.from(head), bytes])] });
    expect(await driver.appasset(7)).toEqual(expected);
    const query = host.requests.at(-1)?.query;
    expect([query?.get('appid'), query?.get('AssetType'), query?.get('AssetIdx')]).toEqual(['7', '2', '0']);
  });

  it('gives no picture where Wolf has none, and says when it is not paired', async () => {
    const answers = [answerOf(recorded('appasset')), answerOf(recorded('applist-unpaired-certificate'))];
    const { driver } = await setUp({ '/appasset': answers });
    expect(await driver.appasset(1)).toBeUndefined();
    await expect(driver.appasset(1)).rejects.toMatchObject({ code: 'HOST_NOT_PAIRED' });
  });
});

describe('createHostDriver().launch', () => {
  it('sends the recorded query and reads where RTSP is', async () => {
    const launch = recorded('launch');
    const { driver, host } = await setUp({ '/launch': [answerOf(launch)] });
    expect(await driver.launch(REQUEST)).toEqual({
      address: '127.0.0.1',
      rtspPort: 48010,
      label: '158.186.252.226',
      encrypted: false,
    });
    const sent = [...(host.requests.at(-1)?.query ?? [])].filter(([name]) => name !== 'uuid');
    expect(sent).toEqual(Object.entries(launch.query).filter(([name]) => name !== 'uuid'));
  });

  it.each([
    { url: '', rtspPort: 48010, label: '127.0.0.1', encrypted: false },
    {
      url: '<sessionUrl0>rtspenc://LOCALHOST:5</sessionUrl0>',
      rtspPort: 5,
      label: 'LOCALHOST',
      encrypted: true,
    },
  ])('reads "$url"', async ({ url, ...expected }) => {
    const { driver } = await setUp({ '/launch': [xmlAnswer(`${url}<gamesession>1</gamesession>`)] });
    expect(await driver.launch(REQUEST)).toEqual({ address: '127.0.0.1', ...expected });
  });

  it('always sends a mode', async () => {
    const { driver, host } = await setUp({ '/resume': [answerOf(recorded('resume'))] });
    await driver.resume({ ...REQUEST, parameters: {} });
    expect(host.requests.at(-1)?.query.get('mode')).toBe('1920x1080x60');
  });

  it('cancels an old game that the host kept, and launches again', async () => {
    const { driver, host } = await setUp({
      '/launch': [answerOf(recorded('launch-while-running-other-app')), answerOf(recorded('launch'))],
      '/cancel': [answerOf(recorded('cancel'))],
    });
    expect(await driver.launch(REQUEST)).toMatchObject({ label: '158.186.252.226' });
    expect(pathsOf(host).slice(1)).toEqual(['https /launch', 'https /cancel', 'https /launch']);
  });

  it('does so once', async () => {
    const { driver, host } = await setUp({
      '/launch': [answerOf(recorded('launch-while-running-same-app'))],
      '/cancel': [answerOf(recorded('cancel'))],
    });
    await expect(driver.launch(REQUEST)).rejects.toMatchObject({ code: 'HOST_REFUSED' });
    expect(pathsOf(host).slice(1)).toEqual(['https /launch', 'https /cancel', 'https /launch']);
  });

  it.each([
    {
      name: 'an unknown app',
      answer: answerOf(recorded('launch-unknown-appid')),
      code: 'HOST_REFUSED',
      message: '',
    },
    {
      name: 'gamesession 0',
      answer: xmlAnswer('<gamesession>0</gamesession>'),
      code: 'HOST_REFUSED',
      message: '',
    },
    { name: 'words', answer: xmlAnswer('', 400, 'No GPU'), code: 'HOST_REFUSED', message: 'No GPU' },
    {
      name: 'too many words',
      answer: xmlAnswer('', 400, 'x'.repeat(999)),
      code: 'HOST_REFUSED',
      message: 'x'.repeat(200),
    },
    { name: 'status 503', answer: xmlAnswer('', 503, 'Full'), code: 'HOST_BUSY', message: 'Full' },
    {
      name: 'a running app',
      answer: xmlAnswer('<gamesession>0</gamesession>', 400, 'An app is already running on this host'),
      code: 'HOST_BUSY',
      message: 'An app is already running on this host',
    },
  ])("says $code to $name, in the host's own words", async ({ answer, code, message }) => {
    const { driver } = await setUp({ '/launch': [answer] });
    await expect(driver.launch(REQUEST)).rejects.toMatchObject({
      code,
      details: { path: '/launch', message },
    });
  });

  it.each([
    { url: 'http://x:1', message: 'The host gave no usable address for RTSP' },
    { url: 'rtsp://other.lan:48010', message: 'The host names another machine for its stream' },
    { url: 'rtspenc://[2001:db8::1]:48010', message: 'The host names another machine for its stream' },
  ])('refuses $url for RTSP', async ({ url, message }) => {
    const fields = `<sessionUrl0>${url}</sessionUrl0><gamesession>1</gamesession>`;
    const { driver } = await setUp({ '/launch': [xmlAnswer(fields)], '/resume': [xmlAnswer(fields)] });
    await expect(driver.launch(REQUEST)).rejects.toMatchObject({ code: 'HOST_ANSWER_INVALID', message });
    await expect(driver.resume(REQUEST)).rejects.toMatchObject({ code: 'HOST_ANSWER_INVALID', message });
  });

  it('goes to the host itself, whatever address it names', async () => {
    const fields = '<sessionUrl0>rtsp://192.0.2.66:48010</sessionUrl0><gamesession>1</gamesession>';
    const { driver } = await setUp({ '/launch': [xmlAnswer(fields)] });
    expect(await driver.launch(REQUEST)).toMatchObject({ address: '127.0.0.1', label: '192.0.2.66' });
  });

  it('says HOST_UNREACHABLE when Wolf closes without a word, and keeps the key to itself', async () => {
    const { driver } = await setUp({ '/launch': [''] });
    const error: unknown = await driver.launch(REQUEST).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'HOST_UNREACHABLE',
      details: { host: 'localhost', path: '/launch' },
    });
    expect(JSON.stringify(error) + logged).not.toContain(RIKEY);
  });
});

describe('createHostDriver().resume and cancel', () => {
  it('resumes, whatever Wolf sends behind its answer', async () => {
    const { driver } = await setUp({ '/resume': [answerOf(recorded('resume'))] });
    expect(await driver.resume(REQUEST)).toMatchObject({ label: '251.191.230.118', rtspPort: 48010 });
  });

  it.each([
    { name: 'has no session', answer: answerOf(recorded('resume-without-session')) },
    { name: 'says 0', answer: xmlAnswer('<resume>0</resume>') },
  ])('says HOST_REFUSED when the host $name', async ({ answer }) => {
    const { driver } = await setUp({ '/resume': [answer] });
    await expect(driver.resume(REQUEST)).rejects.toMatchObject({ code: 'HOST_REFUSED' });
  });

  it('cancels, with or without a session', async () => {
    const answers = [answerOf(recorded('cancel')), answerOf(recorded('cancel-without-session'))];
    const { driver } = await setUp({ '/cancel': answers });
    await driver.cancel();
    await driver.cancel();
  });

  it('says HOST_REFUSED when the host does not cancel', async () => {
    const { driver } = await setUp({ '/cancel': [xmlAnswer('<cancel>0</cancel>')] });
    await expect(driver.cancel()).rejects.toMatchObject({ code: 'HOST_REFUSED' });
  });
});

describe('createHostDriver().pair', () => {
  it('pairs identities of one host one after another, as Wolf needs it, and keeps its certificate', async () => {
    host = await startScriptedHost(certificate, createPairingScript(certificate, '4711'));
    const endpoint = { address: '127.0.0.1', httpPort: host.httpPort };
    const pairingQueue = new PairingQueue();
    const knowns = [fakeIdentity(undefined), fakeIdentity(undefined), fakeIdentity(undefined)];
    const { signal } = new AbortController();
    const log = createLogger('silent');
    await Promise.all(
      knowns.map((known) =>
        createHostDriver({ hostName: 'wolf', endpoint, identity: known, pairingQueue, log }).pair(
          '4711',
          signal,
        ),
      ),
    );
    for (const known of knowns) expect(known.hostCertificatePem).toBe(certificate.certificatePem);
  });

  it('keeps no certificate of a host that did not pair', async () => {
    const { driver, known } = await setUp({ '/pair': [xmlAnswer('<paired>0</paired>', 400)] }, false);
    await expect(driver.pair('1234', new AbortController().signal)).rejects.toMatchObject({
      code: 'HOST_REFUSED',
    });
    expect(known.hostCertificatePem).toBeUndefined();
  });
});
