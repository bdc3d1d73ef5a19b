/**
 * The host driver: being a paired Moonlight client of one host under one identity. Works with every Moonlight
 * host; the traps of Wolf that it is built around are listed in `exchange.ts` and below.
 */
import { formatLaunchQuery } from '../protocol/moonlight/launch-query.ts';
import { MOONLIGHT_PORTS } from '../protocol/moonlight/ports.ts';
import { parseSessionUrl } from '../protocol/moonlight/session-url.ts';
import { GleipnirError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import { readHostInfo, refusal, requireOk } from './answer.ts';
import { HostHttpClient, type HostAnswer, type Query } from './http-client.ts';
import type { HostIdentity } from './identities.ts';
import { imageType } from './image.ts';
import { readOffer, type HostOffer } from './offer.ts';
import { pairWithHost } from './pair.ts';
import type { PairingQueue } from './pairing-queue.ts';
import { isHostItself } from './session-host.ts';
import type { BoxArt, HostDriver, HostEndpoint, HostInfo, LaunchAnswer, LaunchRequest } from './types.ts';

export interface HostDriverDeps {
  /** Names the host in the pairing queue. */
  hostName: string;
  endpoint: HostEndpoint;
  identity: HostIdentity;
  pairingQueue: PairingQueue;
  /** A child that names the host. */
  log: Logger;
}

/** As moonlight-qt waits (MOONLIGHT.md a), but for launch: our own client gives up after 120 s. */
const TIMEOUT_MS = { query: 5_000, launch: 110_000, cancel: 30_000 } as const;

const HTTP_OK = 200;
const HTTP_UNAUTHORIZED = 401;
const XML_UNAUTHORIZED = 401;

/** Wolf's own default; old clients leave `mode` out of /resume. */
const DEFAULT_MODE = '1920x1080x60';

/** No connection is kept: a driver needs no end. Calls on one driver may overlap. */
export function createHostDriver(deps: HostDriverDeps): HostDriver {
  const client = new HostHttpClient({
    endpoint: deps.endpoint,
    identity: deps.identity.identity,
    pinnedCertificatePem: () => deps.identity.hostCertificatePem,
  });
  return {
    serverinfo: () => serverinfo(client, deps.identity),
    applist: () => applist(client),
    appasset: (appId) => appasset(client, appId),
    launch: (request) => launch(client, request, deps.log),
    resume: (request) => resume(client, request),
    cancel: () => cancel(client),
    pair: (pin, signal) => pair(client, deps, { pin, signal }),
  };
}

/** Plain HTTP cannot tell who is paired; it answers where HTTPS cannot be asked or does not know us. */
async function serverinfo(client: HostHttpClient, { hostCertificatePem }: HostIdentity): Promise<HostInfo> {
  const path = '/serverinfo';
  const asked = { host: client.endpoint.address, path };
  if (hostCertificatePem !== undefined) {
    const { xml } = await client.get(path, [], { secure: true, timeoutMs: TIMEOUT_MS.query });
    if (xml.statusCode !== XML_UNAUTHORIZED) {
      requireOk(xml, asked);
      return readHostInfo(xml, asked);
    }
  }
  const { xml } = await client.get(path, [], { secure: false, timeoutMs: TIMEOUT_MS.query });
  requireOk(xml, asked);
  return { ...readHostInfo(xml, asked), isPaired: false };
}

async function applist(client: HostHttpClient): Promise<HostOffer> {
  const { xml } = await ask(client, '/applist', [], TIMEOUT_MS.query);
  return readOffer(xml.apps);
}

async function appasset(client: HostHttpClient, appId: number): Promise<BoxArt | undefined> {
  const path = '/appasset';
  const query: Query = [
    ['appid', String(appId)],
    ['AssetType', '2'],
    ['AssetIdx', '0'],
  ];
  const { status, body } = await client.getBytes(path, query, { secure: true, timeoutMs: TIMEOUT_MS.query });
  if (status === HTTP_UNAUTHORIZED) {
    const { address: host } = client.endpoint;
    throw new GleipnirError('HOST_NOT_PAIRED', 'The host does not know us', { host, path });
  }
  const type = status === HTTP_OK ? imageType(body) : undefined;
  return type === undefined ? undefined : { type, bytes: body };
}

/** `<resume>` in answer to /launch: the host keeps an old game of ours and started nothing (EVIDENCE.md 2). */
async function launch(client: HostHttpClient, request: LaunchRequest, log: Logger): Promise<LaunchAnswer> {
  const first = await start(client, '/launch', request);
  if (!isResumed(first)) return readLaunchAnswer(client, first, 'gamesession');
  log.warn({ appId: request.appId }, 'host keeps an old game: cancelling it');
  await cancel(client);
  const second = await start(client, '/launch', request);
  if (isResumed(second)) {
    const details = { host: client.endpoint.address, path: '/launch', message: '' };
    throw new GleipnirError('HOST_REFUSED', 'The host does not let go of an old game', details);
  }
  return readLaunchAnswer(client, second, 'gamesession');
}

async function resume(client: HostHttpClient, request: LaunchRequest): Promise<LaunchAnswer> {
  return readLaunchAnswer(client, await start(client, '/resume', request), 'resume');
}

function start(client: HostHttpClient, path: string, request: LaunchRequest): Promise<HostAnswer> {
  const parameters = { mode: DEFAULT_MODE, ...request.parameters };
  return ask(client, path, formatLaunchQuery({ ...request, parameters }), TIMEOUT_MS.launch);
}

function isResumed({ xml: { fields } }: HostAnswer): boolean {
  return fields['gamesession'] === undefined && (fields['resume'] ?? '0') !== '0';
}

/**
 * @param verdict the field that says `0` when nothing was started; an absent one is taken as yes, as clients do.
 * @throws GleipnirError HOST_REFUSED when nothing was started, HOST_ANSWER_INVALID when something was, but not where.
 */
async function readLaunchAnswer(
  client: HostHttpClient,
  { xml, address }: HostAnswer,
  verdict: 'gamesession' | 'resume',
): Promise<LaunchAnswer> {
  const path = verdict === 'resume' ? '/resume' : '/launch';
  const asked = { host: client.endpoint.address, path };
  if (xml.fields[verdict] === '0') throw refusal(xml, asked);
  const url = xml.fields['sessionUrl0'];
  if (url === undefined) return { address, rtspPort: MOONLIGHT_PORTS.rtsp, label: address, encrypted: false };
  const parsed = parseSessionUrl(url);
  if (parsed === undefined) {
    throw new GleipnirError('HOST_ANSWER_INVALID', 'The host gave no usable address for RTSP', { ...asked });
  }
  if (!(await isHostItself(parsed.host, client.endpoint.address, address))) {
    const details = { ...asked, named: parsed.host };
    throw new GleipnirError('HOST_ANSWER_INVALID', 'The host names another machine for its stream', details);
  }
  return { address, rtspPort: parsed.port, label: parsed.host, encrypted: parsed.encrypted };
}

async function cancel(client: HostHttpClient): Promise<void> {
  const path = '/cancel';
  const { xml } = await ask(client, path, [], TIMEOUT_MS.cancel);
  if (xml.fields['cancel'] === '0') throw refusal(xml, { host: client.endpoint.address, path });
}

async function ask(
  client: HostHttpClient,
  path: string,
  query: Query,
  timeoutMs: number,
): Promise<HostAnswer> {
  const answer = await client.get(path, query, { secure: true, timeoutMs });
  requireOk(answer.xml, { host: client.endpoint.address, path });
  return answer;
}

async function pair(
  client: HostHttpClient,
  { hostName, identity, pairingQueue, log }: HostDriverDeps,
  { pin, signal }: { pin: string; signal: AbortSignal },
): Promise<void> {
  await pairingQueue.run(hostName, signal, async () => {
    await identity.setHostCertificate(await pairWithHost(client, { pin, signal }));
    log.info('paired with host');
  });
}
