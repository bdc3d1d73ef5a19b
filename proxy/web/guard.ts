/**
 * Whose requests the console takes: those of a browser that was pointed at this very address, from its own pages.
 *
 * The Host check stops DNS rebinding (a foreign name that resolves to loopback), the same-origin check and the token
 * stop forms of other sites.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { canonicalAddress, isLoopback } from '../../core/runtime/address.ts';

/** What a request says about where it comes from; header values as received. */
export interface RequestOrigin {
  host: string | undefined;
  origin: string | undefined;
  secFetchSite: string | undefined;
  /** Address that the connection was accepted at. */
  localAddress: string | undefined;
}

/**
 * Whether `Host` names loopback, the address that the connection came to, or one of `hostNames` (lower case); never
 * another name.
 */
export function isOwnHost(
  { host, localAddress }: Pick<RequestOrigin, 'host' | 'localAddress'>,
  hostNames: ReadonlySet<string>,
): boolean {
  const name = hostnameOf(host);
  if (name === undefined) return false;
  if (name === 'localhost' || hostNames.has(name)) return true;
  if (isIP(name) === 0) return false;
  return isLoopback(name) || canonicalAddress(name) === canonicalAddress(localAddress ?? '');
}

/**
 * Whether the request was made by a page of this very server; browsers without `Sec-Fetch-Site` tell by `Origin`, in
 * which a proxy may have turned http into https.
 */
export function isSameOrigin({ host, origin, secFetchSite }: RequestOrigin): boolean {
  if (secFetchSite !== undefined) return secFetchSite === 'same-origin';
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}

/** The secrets that forms carry: one for each login, 43 base64url characters, worthless in another process. */
export class FormTokens {
  readonly #key = randomBytes(32);

  /** @param subject the login that the form is for. */
  of(subject: string): string {
    return createHmac('sha256', this.#key).update(subject).digest('base64url');
  }

  /** Compares in constant time. */
  matches(subject: string, candidate: string): boolean {
    const [own, other] = [Buffer.from(this.of(subject)), Buffer.from(candidate)];
    return own.length === other.length && timingSafeEqual(own, other);
  }
}

function hostnameOf(host: string | undefined): string | undefined {
  const url = host === undefined ? null : URL.parse(`http://${host}/`);
  if (url === null || url.username !== '' || url.pathname !== '/') return undefined;
  return url.hostname.replace(/^\[|\]$/g, '');
}
