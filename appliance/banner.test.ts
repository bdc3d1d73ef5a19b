import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { formatBanner, type BannerFacts, type HostAnswer } from './banner.ts';

const PORTS = {
  http: 47_989,
  https: 47_984,
  rtsp: 48_010,
  control: 47_999,
  video: 48_100,
  audio: 48_200,
  web: 47_990,
};

function at(address: string, internal = false): NetworkInterfaceInfo {
  const family = address.includes(':')
    ? { family: 'IPv6' as const, scopeid: 0 }
    : { family: 'IPv4' as const };
  return { address, netmask: '', mac: '', cidr: null, internal, ...family };
}

const LOOPBACK = { lo: [at('127.0.0.1', true), at('::1', true)] };
const LAN = { eth0: [at('192.168.1.7'), at('fe80::1'), at('2001:db8::7')], docker0: [at('172.17.0.1')] };

function host(name: string, state: HostAnswer['state'], problem: string | null = null): HostAnswer {
  return { name, state, problem };
}

function banner(
  facts: Partial<Omit<BannerFacts, 'config'>> & { bindAddress?: string; externalAddress?: string },
): string {
  const { bindAddress = '0.0.0.0', externalAddress, ...others } = facts;
  return formatBanner({
    config: {
      bindAddress,
      ...(externalAddress !== undefined && { externalAddress }),
      web: {
        bindAddress: '127.0.0.1',
        hostNames: [],
        trustedProxies: [],
        userHeader: 'X',
        metricsAddresses: [],
      },
    },
    ports: PORTS,
    interfaces: { ...LOOPBACK, ...LAN },
    hosts: [host('demo', 'up')],
    waitedSeconds: 3,
    isDemo: false,
    ...others,
  });
}

describe('formatBanner', () => {
  it.each([
    { bindAddress: '0.0.0.0', expected: 'In Moonlight, add the host 192.168.1.7.' },
    { bindAddress: '::', expected: 'In Moonlight, add the host 192.168.1.7 or [2001:db8::7].' },
    { bindAddress: '192.168.1.7', expected: 'In Moonlight, add the host 192.168.1.7.' },
    {
      bindAddress: '127.0.0.1',
      expected: 'In Moonlight on this machine, add the host 127.0.0.1; others cannot',
    },
  ])('lists what can be typed elsewhere when bound to $bindAddress', ({ bindAddress, expected }) => {
    expect(banner({ bindAddress })).toContain(expected);
  });

  it('never sends others to loopback', () => {
    expect(banner({ interfaces: LOOPBACK })).toContain(
      'on this machine, add the host 127.0.0.1; others cannot reach it',
    );
    expect(banner({})).not.toContain('127.0.0.1 or');
  });

  it('has the public address, and the port where it is not the usual one', () => {
    const text = banner({ externalAddress: '203.0.113.9', ports: { ...PORTS, http: 8_000 } });
    expect(text).toContain('192.168.1.7:8000 (away from home: 203.0.113.9:8000).');
  });

  it('says which hosts are out of reach, and why, instead of "Start an app"', () => {
    const away = [host('attic', 'down', 'refused: nothing listens at its port'), host('cellar', 'down')];
    const text = banner({ hosts: away });
    expect(text).toContain('0 of 2 hosts answer: attic (refused), cellar (no answer for 3 s).');
    expect(text).not.toContain('Start an app');
  });

  it('says which hosts wait to be paired', () => {
    const text = banner({ hosts: [host('attic', 'unpaired'), host('cellar', 'up')] });
    expect(text).toContain('2 of 2 hosts answer; pair with attic: the console shows what to type.');
    expect(text).toContain('3. Start an app.');
  });

  it('tells of the demo', () => {
    expect(banner({ isDemo: true })).toMatch(/Start the app "Test card"[^]*This is the demo host/);
  });
});
