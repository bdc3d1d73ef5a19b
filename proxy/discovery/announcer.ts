/**
 * Tells the local network where this host is, so that Moonlight lists it by itself: DNS-SD over multicast DNS, the
 * service `_nvstream._tcp` with the port of Moonlight HTTP. A convenience: whatever fails here is one line of the
 * log, and nothing waits for it.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { CiaoService, Responder } from '@homebridge/ciao';
import type { Logger } from '../../core/runtime/log.ts';
import { isLoopback } from '../../core/runtime/address.ts';
import { makeServiceName } from './service-name.ts';

const SERVICE_TYPE = 'nvstream';
const MDNS_PORT = 5353;
/**
 * Says no more than that it is there (RFC 6763, 6.7), but it must be: the responder takes its own empty TXT record,
 * heard back over another interface, for somebody else's, and would announce anew without end.
 */
const TXT = { txtvers: 1 };
/** Longer than a goodbye takes; a network that does not take it holds no stop up. */
const GOODBYE_MS_MAX = 1_000;

export interface AnnouncerDeps {
  /** Name that clients show; a number is added where another host on the network has it. */
  hostname: string;
  /** Address that clients reach. On loopback nothing is announced. */
  bindAddress: string;
  /** TCP port of Moonlight HTTP, as it was bound. */
  port: number;
  log: Logger;
}

/** One announced service, from `start` to `stop`. */
export class Announcer {
  readonly #deps: AnnouncerDeps;
  #responder: Responder | undefined;
  #service: CiaoService | undefined;
  #isStopped = false;

  constructor(deps: AnnouncerDeps) {
    this.#deps = deps;
  }

  /** Resolves at once; the name is probed, and announced, some seconds later. */
  start(): Promise<void> {
    const { bindAddress, log } = this.#deps;
    if (!isLoopback(bindAddress)) {
      this.#announce().catch((error: unknown) => {
        log.warn({ err: error }, 'not announced on the local network');
      });
    }
    return Promise.resolve();
  }

  /** Says goodbye, so that clients forget the host at once. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const [responder, service] = [this.#responder, this.#service];
    const goodbye = async (): Promise<void> => {
      await service?.destroy();
      await responder?.shutdown();
    };
    const late = delay(GOODBYE_MS_MAX, undefined, { ref: false });
    await Promise.race([goodbye().catch(() => undefined), late]);
  }

  async #announce(): Promise<void> {
    const { hostname, bindAddress, port } = this.#deps;
    await probePort();
    const places = await placesOf(bindAddress);
    if (this.#isStopped) return;
    const isIpv6 = bindAddress.includes(':');
    // Megabytes that nobody needs where nothing is announced.
    const { getResponder } = await import('@homebridge/ciao');
    this.#responder = getResponder({
      interface: places,
      disableIpv6: !isIpv6,
      advertiseIpv6: isIpv6,
    });
    this.#service = this.#responder.createService({
      ...makeServiceName(hostname),
      type: SERVICE_TYPE,
      txt: TXT,
      port,
      // Keeps it off loopback. The responder then sends nothing by IPv6.
      ...(isIpv6 ? {} : { restrictedAddresses: places, disabledIpv6: true }),
    });
    await this.#advertise(this.#service);
  }

  async #advertise(service: CiaoService): Promise<void> {
    const { port, log } = this.#deps;
    // The responder complains where nobody listens; the line below has the name in any case.
    service.on('name-change', (name) => {
      log.debug({ name }, 'another host has the name');
    });
    await service.advertise();
    if (!this.#isStopped) log.info({ service: service.getFQDN(), port }, 'announced on the local network');
  }
}

/** Whether port 5353 can be shared here: the responder itself would only print it. Rejects with why not. */
async function probePort(): Promise<void> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  try {
    socket.bind(MDNS_PORT);
    await once(socket, 'listening');
  } finally {
    socket.close();
  }
}

/**
 * Where to announce: the address that is bound, or the names of all interfaces, also of those that are not up yet.
 * They are named because the responder's own search overlooks those with a parent (VLAN, macvlan, veth).
 */
async function placesOf(bindAddress: string): Promise<string[]> {
  if (bindAddress !== '0.0.0.0' && bindAddress !== '::') return [bindAddress];
  const known = networkInterfaces();
  const names = await readdir('/sys/class/net').catch(() => Object.keys(known));
  const usable = names.filter((name) => known[name]?.some(({ internal }) => internal) !== true);
  if (usable.length === 0) throw new Error('no network interface but loopback');
  return usable;
}
