/**
 * Typing PINs at Wolf for ourselves. Of the clients that wait for a PIN, ours is the one that came from our own
 * address after we began (EVIDENCE.md 1), so one pairing of ours at a time.
 */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { canonicalAddress } from '../../runtime/address.ts';
import { GleipnirError } from '../../runtime/errors.ts';
import type { WolfClient } from './client.ts';

/** Types the PIN once our request has arrived. @returns whether it had. */
export type TypePin = (pin: string) => Promise<boolean>;

/**
 * Remembers who waits already; to be called before our own request is sent.
 *
 * @param ownAddress canonical IP address that the host sees us come from (`localAddressTowards`).
 * @throws GleipnirError HOST_UNREACHABLE, as does the function it gives.
 */
export async function preparePinEntry(client: WolfClient, ownAddress: string): Promise<TypePin> {
  const before = new Set((await client.pairPending()).map(({ pairSecret }) => pairSecret));
  return async (pin) => {
    const ours = (await client.pairPending()).find(
      ({ pairSecret, clientAddress }) => clientAddress === ownAddress && !before.has(pairSecret),
    );
    if (ours === undefined) return false;
    try {
      await client.pairClient(ours.pairSecret, pin);
      return true;
    } catch (error) {
      // Wolf dropped the request between the two calls: a newer one of this address took its place.
      if (error instanceof GleipnirError && error.code === 'HOST_REFUSED') return false;
      throw error;
    }
  };
}

/**
 * The canonical IP address that packets to `address` (an IP address or a name) leave from. Sends nothing.
 *
 * @throws GleipnirError HOST_UNREACHABLE when the name does not resolve or there is no route.
 */
export async function localAddressTowards(address: string, port: number): Promise<string> {
  try {
    const found = await lookup(address);
    const socket = createSocket(found.family === 6 ? 'udp6' : 'udp4');
    try {
      socket.connect(port, found.address);
      await once(socket, 'connect');
      return canonicalAddress(socket.address().address);
    } finally {
      socket.close();
    }
  } catch (cause) {
    const details = { host: address, port };
    throw new GleipnirError('HOST_UNREACHABLE', 'There is no way to the host', details, { cause });
  }
}
