/** What the console is told of who may use it, checked before it opens: beyond loopback it never goes without login. */
import { isIP } from 'node:net';
import { canonicalAddress, isLoopback } from '../../core/runtime/address.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';

/** Header in which authenticating proxies name the user. */
const USER_HEADER = 'x-forwarded-user';

export interface AccessConfig {
  /** IP address that the console listens at. */
  bindAddress: string;
  /** Names, besides `localhost` and IP addresses, under which browsers reach it. */
  hostNames?: readonly string[];
  /** Path of the password file. */
  passwordFile?: string;
  /** IP addresses of the proxies whose word on the user counts. */
  trustedProxies?: readonly string[];
  /** Header in which they name the user. Default `X-Forwarded-User`. */
  userHeader?: string;
  /** IP addresses that may read /metrics without login. */
  metricsAddresses?: readonly string[];
}

export interface Access {
  /** Whether everybody who can reach the console may use it: on loopback, while no login is configured. */
  isOpen: boolean;
  /** Lower case. */
  hostNames: ReadonlySet<string>;
  passwordFile: string | undefined;
  /** Canonical. */
  trustedProxies: ReadonlySet<string>;
  /** Lower case. */
  userHeader: string;
  /** Canonical. */
  metricsAddresses: ReadonlySet<string>;
}

/** @throws GleipnirError CONFIG_INVALID in words. */
export function checkAccess(config: AccessConfig): Access {
  const { bindAddress, passwordFile, hostNames = [], userHeader = USER_HEADER } = config;
  const trustedProxies = addressSet(config.trustedProxies);
  const metricsAddresses = addressSet(config.metricsAddresses);
  const hasLogin = passwordFile !== undefined || trustedProxies.size > 0;
  if (!hasLogin && !isLoopback(bindAddress)) {
    throw new GleipnirError(
      'CONFIG_INVALID',
      'The console would be open to everybody who reaches it: give it a password file or the addresses of an ' +
        'authenticating proxy, or keep it on loopback',
      { address: bindAddress },
    );
  }
  return {
    isOpen: !hasLogin,
    hostNames: new Set(hostNames.map((name) => name.toLowerCase())),
    passwordFile,
    trustedProxies,
    userHeader: userHeader.toLowerCase(),
    metricsAddresses,
  };
}

function addressSet(addresses: readonly string[] = []): ReadonlySet<string> {
  const strange = addresses.filter((address) => isIP(address) === 0);
  if (strange.length > 0) {
    const problems = strange.join(', ');
    throw new GleipnirError('CONFIG_INVALID', 'The console trusts IP addresses only', { problems });
  }
  return new Set(addresses.map(canonicalAddress));
}
