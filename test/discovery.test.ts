/** Moonlight finds the host by itself: the appliance on a network of namespaces, seen by a real avahi on another machine. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startAvahi, whyNoAvahi, type AvahiMachine } from './support/mdns.ts';
import { createNetwork, interrupt, whyNoNamespaces, type Member, type Network } from './support/netns.ts';

const ENTRY = join(import.meta.dirname, '../appliance/main.ts');
const SERVICE = '_nvstream._tcp';
const reason = (await whyNoNamespaces()) ?? whyNoAvahi();

let network: Network;
let machine: Member;
let browser: AvahiMachine;
let directory: string;

beforeEach(async () => {
  if (reason !== undefined) return;
  network = await createNetwork(2);
  const [first, second] = network.members;
  if (first === undefined || second === undefined) throw new Error('no members');
  machine = first;
  browser = await startAvahi(second, 'browser');
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-discovery-'));
  await writeFile(join(directory, 'hosts.yaml'), 'hosts:\n  - {name: attic, address: 10.77.0.99}\n');
});
afterEach(async () => {
  if (reason !== undefined) return;
  await network.close();
  await browser.close();
  await rm(directory, { recursive: true });
});

/** Starts an appliance; resolves when it has said a line that is `until`. */
async function startAppliance(env: Record<string, string>, until: RegExp) {
  const child = machine.spawn(process.execPath, [ENTRY], {
    APPLIANCE_DATA_DIR: join(directory, 'data'),
    APPLIANCE_HOSTS_FILE: join(directory, 'hosts.yaml'),
    RELAY_DATAPATH: 'userspace',
    ...env,
  });
  const lines: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input: input ?? process.stdin }).on('line', (line) => {
      lines.push(line);
      if (until.test(line)) resolve(undefined);
    });
  }
  child.once('exit', () => {
    reject(new Error(`ended:\n${lines.join('\n')}`));
  });
  await promise;
  return { child, lines };
}

describe.skipIf(reason !== undefined)(
  `discovery on the local network${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    it('shows name, port and IPv4 address, and is gone with a goodbye', async () => {
      const { child } = await startAppliance(
        { APPLIANCE_HTTP_PORT: '48989' },
        /announced on the local network/,
      );
      const services = await browser.browse(SERVICE);
      expect(services).toContainEqual({
        protocol: 'IPv4',
        name: 'Gleipnir',
        host: 'Gleipnir.local',
        address: machine.address,
        port: 48_989,
      });
      expect(services.every(({ address }) => address === machine.address)).toBe(true);
      const watch = browser.watch(SERVICE);
      await watch.line(/^=;eth0;IPv4;Gleipnir;/);
      const gone = watch.line(/^-;eth0;IPv4;Gleipnir;/);
      await interrupt(child);
      await gone;
      expect(await browser.browse(SERVICE)).toEqual([]);
    });

    it('shows IPv6 addresses too where clients reach it by them', async () => {
      await machine.run('ip', ['-6', 'addr', 'add', 'fd77::1/64', 'dev', 'eth0', 'nodad']);
      await startAppliance({ APPLIANCE_BIND_ADDRESS: '::' }, /announced on the local network/);
      // A browser shows one address of a name that has several, whichever came first.
      const [service] = await browser.browse(SERVICE);
      expect(service).toMatchObject({ name: 'Gleipnir', port: 47_989 });
      expect(await browser.resolve('Gleipnir.local', 'IPv4')).toBe(machine.address);
      expect(await browser.resolve('Gleipnir.local', 'IPv6')).toMatch(/^f[de]/);
    });

    it('takes another name where a host has its own', async () => {
      await browser.publish('Gleipnir', SERVICE, 47_989);
      await startAppliance({}, /announced on the local network/);
      const ours = (await browser.browse(SERVICE)).filter(({ address }) => address === machine.address);
      expect(new Set(ours.map(({ name }) => name))).toEqual(new Set(['Gleipnir (2)']));
    });

    it.each([
      { what: 'is turned off', env: { APPLIANCE_MDNS: 'off' } },
      { what: 'is on loopback only', env: { APPLIANCE_BIND_ADDRESS: '127.0.0.1' } },
    ])('says nothing where it $what', async ({ env }) => {
      const { lines } = await startAppliance(env, /Stop with Ctrl-C/);
      expect((await machine.run('ss', ['-Hulpn'])).match(/:5353\b/)).toBeNull();
      expect(lines.filter((line) => line.includes('local network'))).toEqual([]);
    });

    it('starts all the same where another program keeps the port to itself', async () => {
      const holder = machine.spawn(process.execPath, [
        '-e',
        "require('node:dgram').createSocket('udp4').bind(5353, () => console.log('held'))",
      ]);
      await new Promise((resolve) => holder.stdout?.once('data', resolve));
      const { lines } = await startAppliance({}, /not announced on the local network/);
      expect(lines.filter((line) => line.includes('local network'))).toHaveLength(1);
      expect(lines.join('\n')).toContain('EADDRINUSE');
    });
  },
);
