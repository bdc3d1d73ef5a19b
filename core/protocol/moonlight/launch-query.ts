/**
 * Query of /launch and /resume: the session's keys, and wishes that Gleipnir passes on unchanged.
 *
 * Source: moonlight's libgamestream `client.c` (`gs_start_app`), moonlight-common-c `LiGetLaunchUrlQueryParameters`.
 */

/** Parameters that have a field of their own, or name the request and not the session. */
const OWN_PARAMETERS: ReadonlySet<string> = new Set(['appid', 'rikey', 'rikeyid', 'uniqueid', 'uuid']);
/** What clients send between `appid` and `rikey`, in their order. */
const BEFORE_RIKEY = ['mode', 'additionalStates', 'sops'] as const;

const MAX = { parameters: 64, valueCharacters: 1024 } as const;
const NAME = /^[A-Za-z][\w.-]{0,63}$/;
const RIKEY = /^[0-9A-Fa-f]{32}$/;
const UNSIGNED = /^\d{1,10}$/;
const SIGNED = /^-?\d{1,10}$/;
/** Some clients say more than three things. */
const MODE = /^(\d{1,5})x(\d{1,5})x(\d{1,7}(?:\.\d{1,7})?)(?:x[\w.-]{0,32}){0,8}$/;
const I32_MIN = -0x8000_0000;
const I32_MAX = 0x7fff_ffff;
const U32_MAX = 0xffff_ffff;

/** What a client asks in /launch or /resume. */
export interface LaunchQuery {
  /** 0 where absent: old clients' /resume. At most 2^31-1. */
  appId: number;
  /** 16 bytes, new for every launch and resume. */
  rikey: Uint8Array;
  /** Signed 32-bit. */
  rikeyid: number;
  /** 0 where absent; from 1 on the client understands encrypted RTSP. */
  corever: number;
  /** Of `mode`, all above zero, the rate perhaps a fraction; `undefined` where absent: old clients' /resume. */
  mode: { width: number; height: number; refreshRate: number } | undefined;
  /** All but appid, rikey, rikeyid, uniqueid and uuid, in the client's order. */
  parameters: Record<string, string>;
}

/** What is wrong with a query: a sentence for the person, which names the parameter. */
export interface LaunchFault {
  fault: string;
}

/** What each parameter must be, as the sentence says it. */
const RULES = {
  appid: 'a whole number from 0 to 2147483647',
  rikey: '32 hexadecimal digits',
  rikeyid: 'a whole number of 32 bits',
  corever: 'a whole number from 0 to 2147483647',
  mode: 'width x height x rate, each above zero, such as 1920x1080x60',
} as const;

/** Decodes a parsed query string; the first thing that is wrong with it is its fault. Never throws. */
export function parseLaunchQuery(query: Readonly<Record<string, unknown>>): LaunchQuery | LaunchFault {
  const entries = Object.entries(query);
  if (entries.length > MAX.parameters)
    return { fault: `The request has more than ${MAX.parameters} parameters` };
  const { texts, fault } = readTexts(entries);
  if (fault !== undefined) return { fault };

  const appId = parseInteger(texts.get('appid') ?? '0', UNSIGNED, [0, I32_MAX]);
  if (appId === undefined) return mustBe('appid');
  const rikey = texts.get('rikey');
  if (rikey === undefined || !RIKEY.test(rikey)) return mustBe('rikey');
  const rikeyid = parseInteger(texts.get('rikeyid'), SIGNED, [I32_MIN, U32_MAX]);
  if (rikeyid === undefined) return mustBe('rikeyid');
  const corever = parseInteger(texts.get('corever') ?? '0', UNSIGNED, [0, I32_MAX]);
  if (corever === undefined) return mustBe('corever');
  const mode = parseMode(texts.get('mode'));
  if (mode === undefined && texts.has('mode')) return mustBe('mode');

  return {
    appId,
    rikey: Buffer.from(rikey, 'hex'),
    rikeyid: rikeyid | 0,
    corever,
    mode,
    parameters: Object.fromEntries([...texts].filter(([name]) => !OWN_PARAMETERS.has(name))),
  };
}

/** The query in the order of clients, without `uniqueid` and `uuid`, which go before it in every request. */
export function formatLaunchQuery(
  query: Pick<LaunchQuery, 'appId' | 'rikey' | 'rikeyid'> & { parameters: Readonly<Record<string, string>> },
): [name: string, value: string][] {
  const before = BEFORE_RIKEY.flatMap((name): [string, string][] => {
    const value = query.parameters[name];
    return value === undefined ? [] : [[name, value]];
  });
  const after = Object.entries(query.parameters).filter(
    ([name]) => !BEFORE_RIKEY.some((other) => other === name),
  );
  return [
    ...(query.appId === 0 ? [] : [['appid', String(query.appId)] satisfies [string, string]]),
    ...before,
    ['rikey', Buffer.from(query.rikey).toString('hex')],
    ['rikeyid', String(query.rikeyid)],
    ...after,
  ];
}

/** At most MAX.parameters. A parameter that stands there twice has a list as its value. */
function readTexts(entries: [string, unknown][]): {
  texts: ReadonlyMap<string, string>;
  fault: string | undefined;
} {
  const texts = new Map<string, string>();
  const unfit = entries.find(([name, value]) => {
    if (!NAME.test(name) || typeof value !== 'string' || value.length > MAX.valueCharacters) return true;
    texts.set(name, value);
    return false;
  });
  return { texts, fault: unfit && faultOf(...unfit) };
}

function faultOf(name: string, value: unknown): string {
  if (!NAME.test(name)) return 'A parameter has a name that is none';
  if (typeof value !== 'string') return `The parameter ${name} stands there more than once`;
  return `The parameter ${name} has more than ${MAX.valueCharacters} characters`;
}

function mustBe(name: keyof typeof RULES): LaunchFault {
  return { fault: `The parameter ${name} must be ${RULES[name]}` };
}

function parseInteger(
  text: string | undefined,
  form: RegExp,
  [min, max]: readonly [min: number, max: number],
): number | undefined {
  if (text === undefined || !form.test(text)) return undefined;
  const value = Number(text);
  return value < min || value > max ? undefined : value;
}

function parseMode(text = ''): LaunchQuery['mode'] {
  const [width = 0, height = 0, refreshRate = 0] = (MODE.exec(text) ?? []).slice(1).map(Number);
  return width > 0 && height > 0 && refreshRate > 0 ? { width, height, refreshRate } : undefined;
}
