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
const MODE = /^(\d{1,5})x(\d{1,5})x(\d{1,5})$/;
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
  /** Of `mode`; `undefined` where absent or no `WxHxFPS`: old clients' /resume. */
  mode: { width: number; height: number; refreshRate: number } | undefined;
  /** All but appid, rikey, rikeyid, uniqueid and uuid, in the client's order. */
  parameters: Record<string, string>;
}

/**
 * Decodes a parsed query string. Never throws.
 *
 * @returns `undefined` when rikey or rikeyid are missing or no such thing, when a parameter stands there twice
 * (its value is then no string), or when there are more than 64, or one of more than 1024 characters.
 */
export function parseLaunchQuery(query: Readonly<Record<string, unknown>>): LaunchQuery | undefined {
  const entries = Object.entries(query);
  if (entries.length > MAX.parameters || !entries.every(isParameter)) return undefined;

  const texts = new Map(entries);
  const appId = parseInteger(texts.get('appid') ?? '0', UNSIGNED, [0, I32_MAX]);
  const rikeyid = parseInteger(texts.get('rikeyid'), SIGNED, [I32_MIN, U32_MAX]);
  const rikey = texts.get('rikey');
  if (appId === undefined || rikeyid === undefined || rikey === undefined || !RIKEY.test(rikey))
    return undefined;

  return {
    appId,
    rikey: Buffer.from(rikey, 'hex'),
    rikeyid: rikeyid | 0,
    corever: parseInteger(texts.get('corever'), UNSIGNED, [0, I32_MAX]) ?? 0,
    mode: parseMode(texts.get('mode')),
    parameters: Object.fromEntries(entries.filter(([name]) => !OWN_PARAMETERS.has(name))),
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

function isParameter(entry: [string, unknown]): entry is [string, string] {
  const [name, value] = entry;
  return NAME.test(name) && typeof value === 'string' && value.length <= MAX.valueCharacters;
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

function parseMode(text: string | undefined): LaunchQuery['mode'] {
  const [, width, height, refreshRate] = MODE.exec(text ?? '') ?? [];
  if (width === undefined || height === undefined || refreshRate === undefined) return undefined;
  return { width: Number(width), height: Number(height), refreshRate: Number(refreshRate) };
}
