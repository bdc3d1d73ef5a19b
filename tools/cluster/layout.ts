/** Where each part of the cluster on this machine is, and what it is told by its environment. */
import { join } from 'node:path';

/** How many there are of each. */
const COPIES = [1, 2] as const;
/** Of relays on one machine, which share its UDP ports towards hosts: at most so many sessions. */
const SLOTS_MAX = 400;
const UPSTREAM_PORT_BASE = 20_000;
const PORTS_PER_SLOT = 3;
/** Of /healthz and /readyz, as the parts have them. */
const HEALTH_PORTS = { relay: 47_991, proxy: 47_992, operator: 47_993 };
const CONSOLE_PORT = 47_990;

export type PartKind = keyof typeof HEALTH_PORTS;

/** One relay, proxy or operator. */
export interface PlannedPart {
  name: string;
  kind: PartKind;
  address: string;
  readyUrl: string;
  env: Record<string, string>;
}

/** What all parts are told. */
export interface Shared {
  /** Holds the deployment's key, identity and hosts.yaml, and what the parts keep for themselves. */
  folder: string;
  redisUrl: string;
  kubeconfig: string;
  logFormat: 'json' | 'pretty';
}

const ADDRESSES: Record<PartKind, (copy: number) => string> = {
  proxy: (copy) => `127.0.0.1${copy}`,
  relay: (copy) => `127.0.0.2${copy}`,
  operator: (copy) => `127.0.0.3${copy}`,
};

/** The demo host's. */
export const HOST_ADDRESS = '127.0.0.41';

/** Addresses of all parts of a kind. */
export function addressesOf(kind: PartKind): string[] {
  return COPIES.map(ADDRESSES[kind]);
}

/** Consoles, one at each proxy. */
export function consoleUrls(): string[] {
  return addressesOf('proxy').map((address) => `http://${address}:${CONSOLE_PORT}/`);
}

/** Files that all parts share. */
export function filesOf(folder: string): { key: string; identity: string; hosts: string } {
  return {
    key: join(folder, 'deployment.key'),
    identity: join(folder, 'identity'),
    hosts: join(folder, 'hosts.yaml'),
  };
}

/** All parts, proxies first: relays want one to be there. */
export function planParts(shared: Shared): PlannedPart[] {
  return (['proxy', 'operator', 'relay'] as const).flatMap((kind) =>
    COPIES.map((copy) => {
      const address = ADDRESSES[kind](copy);
      return {
        name: `${kind}-${copy}`,
        kind,
        address,
        readyUrl: `http://${address}:${HEALTH_PORTS[kind]}/readyz`,
        env: { ...commonEnvironment(shared, address), ...ENVIRONMENTS[kind](shared, copy) },
      };
    }),
  );
}

function commonEnvironment({ folder, redisUrl, logFormat }: Shared, address: string): Record<string, string> {
  return {
    LOG_FORMAT: logFormat,
    DEPLOYMENT_KEY_FILE: filesOf(folder).key,
    HEALTH_ADDRESS: address,
    REDIS_URL: redisUrl,
  };
}

const ENVIRONMENTS: Record<PartKind, (shared: Shared, copy: number) => Record<string, string>> = {
  proxy: ({ folder, kubeconfig }, copy) => ({
    PROXY_NAME: `proxy-${copy}`,
    PROXY_BIND_ADDRESS: ADDRESSES.proxy(copy),
    PROXY_ALLOW_LOOPBACK: 'yes',
    PROXY_IDENTITY_DIR: filesOf(folder).identity,
    PROXY_WEB_ADDRESS: ADDRESSES.proxy(copy),
    KUBERNETES_KUBECONFIG: kubeconfig,
  }),
  operator: ({ folder, kubeconfig }, copy) => ({
    OPERATOR_NAME: `operator-${copy}`,
    OPERATOR_HOSTS_FILE: filesOf(folder).hosts,
    OPERATOR_SLOTS_MAX: String(SLOTS_MAX),
    KUBERNETES_KUBECONFIG: kubeconfig,
  }),
  relay: (_, copy) => ({
    RELAY_NAME: `relay-${copy}`,
    RELAY_BIND_ADDRESS: ADDRESSES.relay(copy),
    RELAY_PROXIES: addressesOf('proxy').join(','),
    RELAY_ALLOW_LOOPBACK: 'yes',
    RELAY_SLOTS_MAX: String(SLOTS_MAX),
    RELAY_UPSTREAM_PORT_BASE: String(UPSTREAM_PORT_BASE + (copy - 1) * SLOTS_MAX * PORTS_PER_SLOT),
    // Nothing is attached to the machine's own devices.
    RELAY_DATAPATH: 'userspace',
  }),
};
