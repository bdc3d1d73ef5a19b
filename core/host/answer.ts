/** What a host's answers mean: its refusals as errors, its /serverinfo as facts. */
import { CODEC_MODE } from '../protocol/moonlight/codec-modes.ts';
import { ID_MAX, type MoonlightXml } from '../protocol/moonlight/xml.ts';
import { MOONLIGHT_PORTS } from '../protocol/moonlight/ports.ts';
import { GleipnirError, type ErrorCode } from '../runtime/errors.ts';
import type { HostInfo } from './types.ts';

/** Who was asked what, for the error. */
export interface Asked {
  host: string;
  path: string;
}

const OK = 200;
const UNAUTHORIZED = 401;
const UNAVAILABLE = 503;

/** How hosts word it when another game holds them, whatever status they put beside it. */
const BUSY = /\b(busy|already running)\b/i;

/** Longest text of a host that is handed on. */
const MESSAGE_MAX_CHARACTERS = 200;

/**
 * Lets an answer with `status_code` 200 pass.
 *
 * @throws GleipnirError HOST_NOT_PAIRED for 401, HOST_BUSY, else HOST_REFUSED; the host's own words are in
 * `details.message`.
 */
export function requireOk(xml: MoonlightXml, asked: Asked): void {
  if (xml.statusCode !== OK) throw refusal(xml, asked);
}

/** The error for an answer that says no; codes as `requireOk`. */
export function refusal({ statusCode, statusMessage }: MoonlightXml, asked: Asked): GleipnirError {
  const message = statusMessage.slice(0, MESSAGE_MAX_CHARACTERS);
  const details = { ...asked, status: statusCode, message };
  const [code, text] = describe(statusCode, statusMessage);
  return new GleipnirError(code, text, details);
}

function describe(statusCode: number, statusMessage: string): [ErrorCode, string] {
  if (statusCode === UNAUTHORIZED) return ['HOST_NOT_PAIRED', 'The host does not know us'];
  if (statusCode === UNAVAILABLE || BUSY.test(statusMessage)) return ['HOST_BUSY', 'The host is busy'];
  return ['HOST_REFUSED', 'The host refused'];
}

/** @throws GleipnirError HOST_ANSWER_INVALID when a field is missing that every Moonlight client insists on. */
export function readHostInfo({ fields }: MoonlightXml, asked: Asked): HostInfo {
  const { appversion = '', state = '' } = fields;
  if (appversion === '' || state === '') {
    throw new GleipnirError('HOST_ANSWER_INVALID', 'The host does not answer as a Moonlight host does', {
      ...asked,
    });
  }
  // Other hosts keep a stale currentgame while they are free (MOONLIGHT.md a).
  const isBusy = state.endsWith('_SERVER_BUSY');
  return {
    hostname: fields['hostname'] ?? '',
    uniqueid: fields['uniqueid'] ?? '',
    appversion,
    gfeVersion: fields['GfeVersion'] ?? '',
    httpsPort: readNumber(fields['HttpsPort'], MOONLIGHT_PORTS.https),
    codecModes: readNumber(fields['ServerCodecModeSupport'], CODEC_MODE.H264),
    maxLumaPixelsHEVC: readNumber(fields['MaxLumaPixelsHEVC'], 0),
    isPaired: fields['PairStatus'] === '1',
    isBusy,
    currentgame: isBusy ? readNumber(fields['currentgame'], 0) : 0,
  };
}

/** `fallback` for what is absent, 0 or no positive whole number of 31 bits, which is what every client can hold. */
function readNumber(text: string | undefined, fallback: number): number {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 && value <= ID_MAX ? value : fallback;
}
