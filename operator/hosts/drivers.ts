/** Drivers of the static hosts: one per host and identity, made on first use. */
import { createHostDriver } from '../../core/host/driver.ts';
import type { IdentityStore } from '../../core/host/identities.ts';
import { PairingQueue } from '../../core/host/pairing-queue.ts';
import type { HostDriver } from '../../core/host/types.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { HostSpec } from './types.ts';

/** @returns what `HostPool` asks for drivers. */
export function createDrivers(
  identities: IdentityStore,
  log: Logger,
): (host: HostSpec, identityKey: string) => Promise<HostDriver> {
  const pairingQueue = new PairingQueue();
  return async ({ name, address, httpPort }, identityKey) =>
    createHostDriver({
      hostName: name,
      endpoint: { address, httpPort },
      identity: await identities.open(name, identityKey),
      pairingQueue,
      log: log.child({ component: 'host', host: name }),
    });
}
