/** Whom a host's `sessionUrl0` names. Nobody connects to that name; a host that names another machine is not to be trusted. */
import { lookup } from 'node:dns/promises';
import { isIP, isIPv4 } from 'node:net';
import { canonicalAddress } from '../runtime/address.ts';

const LABEL = /^[\w-]+$/;

/**
 * Whether the host part of a host's `sessionUrl0` means that host: one of its `own` names and addresses, or a label of
 * the session, which is an IPv4 address (Wolf makes up a new one each time, so that none can be told from another
 * machine's) or a name without a dot, as Gleipnir's. Pure.
 */
export function namesHost(named: string, own: readonly string[]): boolean {
  return isIPv4(named) || LABEL.test(named) || own.map(canonicalAddress).includes(canonicalAddress(named));
}

/**
 * The same for a host that is `configured` by address or name and answered from the address `reached`. Its name's
 * other addresses are asked for only where these two do not settle it; what the host named is never looked up.
 */
export async function isHostItself(named: string, configured: string, reached: string): Promise<boolean> {
  if (namesHost(named, [configured, reached])) return true;
  if (isIP(named) === 0 || isIP(configured) !== 0) return false;
  const others = await lookup(configured, { all: true }).catch(() => []);
  return namesHost(
    named,
    others.map(({ address }) => address),
  );
}
