import { afterEach, describe, expect, it } from 'vitest';
import { readCapture } from '../../test/support/captures.ts';
import { createHostCertificate } from '../identity/certificate.ts';
import { HostHttpClient } from './http-client.ts';
import { pairWithHost } from './pair.ts';
import {
  answerOf,
  startScriptedHost,
  xmlAnswer,
  type RecordedExchange,
  type Script,
  type ScriptedHost,
  type ScriptedRequest,
} from '../../test/support/scripted-host.ts';

interface PairingRun {
  id: 'success' | 'wrong-pin';
  pinShownByClient: string;
  clientCertPem: string;
  clientKeyPem: string;
  exchanges: RecordedExchange[];
  recomputed: { saltHex: string; clientChallengePlainHex: string; clientSecretHex: string };
}

interface PairingCapture {
  host: { certPem: string; keyPem: string };
  runs: PairingRun[];
}

const capture = readCapture<PairingCapture>('pairing');
const hostCertificate = { certificatePem: capture.host.certPem, privateKeyPem: capture.host.keyPem };

/** The parameter that tells the steps apart. */
const STEPS = [
  'getservercert',
  'clientchallenge',
  'serverchallengeresp',
  'clientpairingsecret',
  'pairchallenge',
];

function runOf(id: PairingRun['id']): PairingRun {
  const run = capture.runs.find((candidate) => candidate.id === id);
  if (run === undefined) throw new RangeError(id);
  return run;
}

function stepOf(query: Iterable<readonly [string, string]>): number {
  const texts = [...query].flat();
  return STEPS.findIndex((step) => texts.includes(step)) + 1;
}

function exchangeOf(run: PairingRun, step: number): RecordedExchange {
  const isAnswer = ({ query, response }: RecordedExchange): boolean =>
    response !== null && stepOf(Object.entries(query)) === step;
  const found = run.exchanges.find(isAnswer);
  if (found === undefined) throw new RangeError(`step ${step}`);
  return found;
}

/** Answers as the recorded host did, but for the steps replaced. */
function replay(run: PairingRun, replaced: Partial<Record<number, Script>> = {}): Script {
  return (request, socket) => {
    const step = stepOf(request.query);
    const script = replaced[step] ?? (() => socket.end(answerOf(exchangeOf(run, step))));
    script(request, socket);
  };
}

const answering =
  (answer: string): Script =>
  (_, socket) => {
    socket.end(answer);
  };

let host: ScriptedHost | undefined;

afterEach(async () => {
  await host?.stop();
  host = undefined;
});

interface Setup {
  script?: Script;
  tls?: { certificatePem: string; privateKeyPem: string };
  signal?: AbortSignal;
  pinTimeoutMs?: number;
}

/** Pairs with the recorded run's own salt, challenge and secret. */
async function pair(run: PairingRun, setup: Setup = {}): Promise<string> {
  host = await startScriptedHost(setup.tls ?? hostCertificate, setup.script ?? replay(run));
  const client = new HostHttpClient({
    endpoint: { address: '127.0.0.1', httpPort: host.httpPort },
    identity: { certificatePem: run.clientCertPem, privateKeyPem: run.clientKeyPem },
    pinnedCertificatePem: () => undefined,
  });
  const { saltHex, clientChallengePlainHex, clientSecretHex } = run.recomputed;
  const random = [saltHex, clientChallengePlainHex, clientSecretHex];
  return pairWithHost(client, {
    pin: run.pinShownByClient,
    signal: setup.signal ?? new AbortController().signal,
    ...(setup.pinTimeoutMs !== undefined && { pinTimeoutMs: setup.pinTimeoutMs }),
    random: () => Buffer.from(random.shift() ?? '', 'hex'),
  });
}

function parametersOf(entries: Iterable<readonly [string, string]>): (readonly [string, string])[] {
  return [...entries].map(([name, value]) => (name === 'uuid' ? [name, ''] : [name, value]));
}

function pairRequests(): ScriptedRequest[] {
  return host?.requests.filter(({ path }) => path === '/pair') ?? [];
}

describe('pairWithHost', () => {
  it('pairs as the recorded client did with the recorded host, byte for byte', async () => {
    const run = runOf('success');
    expect(await pair(run)).toBe(hostCertificate.certificatePem);
    const requests = pairRequests();
    expect(requests.map(({ secure }) => secure)).toEqual([false, false, false, false, true]);
    for (const [index, { query }] of requests.entries()) {
      const expected = parametersOf(Object.entries(exchangeOf(run, index + 1).query));
      expect(parametersOf(query)).toEqual(expected);
    }
  });

  it('says PIN_WRONG after step 3 when another PIN was typed, and proves nothing to that host', async () => {
    await expect(pair(runOf('wrong-pin'))).rejects.toMatchObject({ code: 'PIN_WRONG' });
    expect(pairRequests()).toHaveLength(3);
  });

  it('says PIN_WRONG when the host does in step 4', async () => {
    const script = replay(runOf('success'), { 4: answering(answerOf(exchangeOf(runOf('wrong-pin'), 4))) });
    await expect(pair(runOf('success'), { script })).rejects.toMatchObject({ code: 'PIN_WRONG' });
  });

  it.each([
    {
      name: 'does not pair',
      step: 1,
      answer: xmlAnswer('<paired>0</paired>', 400, 'no'),
      code: 'HOST_REFUSED',
    },
    { name: 'pairs already', step: 1, answer: xmlAnswer('<paired>1</paired>'), code: 'HOST_BUSY' },
    {
      name: 'gives no certificate',
      step: 1,
      answer: xmlAnswer('<paired>1</paired><plaincert>00ff</plaincert>'),
      code: 'HOST_REFUSED',
    },
    { name: 'breaks off in step 2', step: 2, answer: xmlAnswer('', 400), code: 'HOST_REFUSED' },
    {
      name: 'sends a short challengeresponse',
      step: 2,
      answer: xmlAnswer('<challengeresponse>00FF</challengeresponse>'),
      code: 'HOST_REFUSED',
    },
    {
      name: 'sends a forged pairingsecret',
      step: 3,
      answer: xmlAnswer(`<pairingsecret>${'AB'.repeat(272)}</pairingsecret>`),
      code: 'HOST_REFUSED',
    },
    { name: 'says no at last', step: 5, answer: xmlAnswer('<paired>0</paired>'), code: 'HOST_REFUSED' },
    { name: 'closes', step: 2, answer: '', code: 'HOST_UNREACHABLE' },
  ])('says $code when the host $name', async ({ step, answer, code }) => {
    const run = runOf('success');
    const promise = pair(run, { script: replay(run, { [step]: answering(answer) }) });
    await expect(promise).rejects.toMatchObject({ code, details: { path: '/pair' } });
    expect(pairRequests()).toHaveLength(step);
  });

  it('refuses a host whose HTTPS certificate is not the one it gave', async () => {
    const tls = await createHostCertificate('impostor');
    await expect(pair(runOf('success'), { tls })).rejects.toMatchObject({ code: 'HOST_CERTIFICATE_CHANGED' });
  });

  it('waits for the person no longer than told', async () => {
    const promise = pair(runOf('success'), { script: () => undefined, pinTimeoutMs: 60 });
    await expect(promise).rejects.toMatchObject({ code: 'HOST_UNREACHABLE', details: { reason: 'timeout' } });
  });

  it('stops waiting for the person when aborted', async () => {
    const controller = new AbortController();
    const script: Script = () => {
      controller.abort();
    };
    const promise = pair(runOf('success'), { script, signal: controller.signal });
    await expect(promise).rejects.toMatchObject({ code: 'HOST_UNREACHABLE', details: { reason: 'aborted' } });
  });
});
