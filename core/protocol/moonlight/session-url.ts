/**
 * `sessionUrl0`, the RTSP URL in the answer to /launch and /resume. Clients take the scheme and the port from
 * it, never the address; above 15 Mbit/s they also send it back in RTSP, so its host part is the label by which
 * a host knows the session.
 *
 * Source: moonlight-common-c `Connection.c` (`parseRtspPortNumberFromUrl`) and `RtspConnection.c`.
 */
import { MOONLIGHT_PORTS } from './ports.ts';

/** Clients keep at most 255 characters of the URL. */
const MAX_CHARACTERS = 255;
const SESSION_URL =
  /^(rtsp|rtspenc):\/\/(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::(\d{1,5}))?(?:\/[\x21-\x7e]*)?$/;

/** The parts of a `sessionUrl0`. */
export interface SessionUrl {
  /** Scheme `rtspenc`: RTSP is encrypted with rikey. */
  encrypted: boolean;
  /** IP address (without brackets), name or label. */
  host: string;
  /** 1..65535; 48010 where the URL has none. */
  port: number;
}

/** Takes a URL apart, a path is dropped. Never throws; `undefined` for every other scheme or form. */
export function parseSessionUrl(url: string): SessionUrl | undefined {
  if (url.length > MAX_CHARACTERS) return undefined;
  const [, scheme, address6, name, digits] = SESSION_URL.exec(url) ?? [];
  const host = address6 ?? name;
  if (host === undefined) return undefined;

  const port = digits === undefined ? MOONLIGHT_PORTS.rtsp : Number(digits);
  if (port < 1 || port > 0xffff) return undefined;
  return { encrypted: scheme === 'rtspenc', host, port };
}

/** Text of a URL; an IPv6 address gets its brackets. */
export function formatSessionUrl(url: SessionUrl): string {
  const host = url.host.includes(':') ? `[${url.host}]` : url.host;
  return `${url.encrypted ? 'rtspenc' : 'rtsp'}://${host}:${url.port}`;
}
