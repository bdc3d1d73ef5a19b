/**
 * Where a Redis is, as one URL:
 *
 *   redis://HOST[:6379][/DB]                         one server
 *   redis+sentinel://HOST[:26379][,HOST...]/NAME[/DB]   the primary called NAME of these Sentinels
 *   redis+cluster://HOST[:6379][,HOST...]            a Cluster that these belong to
 *
 * `rediss` instead of `redis` means TLS. IPv6 addresses stand in brackets. There is no place for a user or password:
 * URLs end up in process lists and logs.
 */

export interface RedisEndpoint {
  host: string;
  port: number;
}

export type RedisAddress = { isTls: boolean } & (
  | { form: 'standalone'; endpoint: RedisEndpoint; db: number }
  | { form: 'sentinel'; sentinels: RedisEndpoint[]; name: string; db: number }
  | { form: 'cluster'; nodes: RedisEndpoint[] }
);

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;
const PORT_MAX = 65_535;

const URL_FORM = /^(redis|rediss)(?:\+(sentinel|cluster))?:\/\/([^/@?#]+)((?:\/[^/@?#]*)*)$/;
const ENDPOINT_FORM = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/;
const NAME_FORM = /^[A-Za-z0-9._-]+$/;
const DB_FORM = /^\d{1,5}$/;

/** @returns `undefined` for anything that has none of the forms above. */
export function parseRedisAddress(url: string): RedisAddress | undefined {
  const [, scheme, kind, hosts = '', path = ''] = URL_FORM.exec(url) ?? [];
  if (scheme === undefined) return undefined;
  const isTls = scheme === 'rediss';
  const parts = path.split('/').filter((part) => part !== '');
  const endpoints = parseEndpoints(hosts, kind === 'sentinel' ? SENTINEL_PORT : REDIS_PORT);
  const [endpoint] = endpoints ?? [];
  if (endpoints === undefined || endpoint === undefined) return undefined;

  if (kind === 'cluster')
    return parts.length === 0 ? { isTls, form: 'cluster', nodes: endpoints } : undefined;
  const name = kind === 'sentinel' ? parts.shift() : '-';
  const [dbText = '0', ...rest] = parts;
  if (name === undefined || !NAME_FORM.test(name) || !DB_FORM.test(dbText) || rest.length > 0)
    return undefined;
  const db = Number(dbText);
  if (kind === 'sentinel') return { isTls, form: 'sentinel', sentinels: endpoints, name, db };
  return endpoints.length === 1 ? { isTls, form: 'standalone', endpoint, db } : undefined;
}

function parseEndpoints(hosts: string, defaultPort: number): RedisEndpoint[] | undefined {
  const endpoints: RedisEndpoint[] = [];
  for (const text of hosts.split(',')) {
    const [matched, address, name, portText] = ENDPOINT_FORM.exec(text) ?? [];
    const host = address ?? name;
    const port = portText === undefined ? defaultPort : Number(portText);
    if (matched === undefined || host === undefined || port < 1 || port > PORT_MAX) return undefined;
    endpoints.push({ host, port });
  }
  return endpoints;
}
