/**
 * Who may use the PIN page: a browser that was pointed at this very address.
 *
 * The Host check stops DNS rebinding (a foreign name that resolves to loopback), the same-origin check and the token
 * stop forms of other sites.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { canonicalAddress } from '../../core/runtime/address.ts';

/** What a request says about where it comes from; header values as received. */
export interface RequestOrigin {
  host: string | undefined;
  origin: string | undefined;
  secFetchSite: string | undefined;
  /** Address that the connection was accepted at. */
  localAddress: string | undefined;
}

/** Whether `Host` names loopback or the address that the connection came to; never another name. */
export function isOwnHost({ host, localAddress }: Pick<RequestOrigin, 'host' | 'localAddress'>): boolean {
  const name = hostnameOf(host);
  if (name === undefined) return false;
  if (name === 'localhost') return true;
  if (isIP(name) === 0) return false;
  const address = canonicalAddress(name);
  return address === '::1' || address.startsWith('127.') || address === canonicalAddress(localAddress ?? '');
}

/** Whether the request was made by a page of this very server; browsers without `Sec-Fetch-Site` tell by `Origin`. */
export function isSameOrigin({ host, origin, secFetchSite }: RequestOrigin): boolean {
  if (secFetchSite !== undefined) return secFetchSite === 'same-origin';
  return host !== undefined && origin === `http://${host}`;
}

/** The secret that every form of this process carries: 43 base64url characters. */
export class FormToken {
  readonly value = randomBytes(32).toString('base64url');

  /** Compares in constant time. */
  matches(candidate: string): boolean {
    const [own, other] = [Buffer.from(this.value), Buffer.from(candidate)];
    return own.length === other.length && timingSafeEqual(own, other);
  }
}

function hostnameOf(host: string | undefined): string | undefined {
  const url = host === undefined ? null : URL.parse(`http://${host}/`);
  if (url === null || url.username !== '' || url.pathname !== '/') return undefined;
  return url.hostname.replace(/^\[|\]$/g, '');
}
