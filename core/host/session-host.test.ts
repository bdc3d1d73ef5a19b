import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isHostItself, namesHost } from './session-host.ts';

describe('namesHost', () => {
  const own = ['attic.lan', '192.168.1.20', '2001:db8::20'];

  it.each([
    { named: '192.168.1.20', what: 'the address' },
    { named: '158.186.252.226', what: "Wolf's label" },
    { named: 'gleipnir-0123456789abcdef', what: 'a label of ours' },
    { named: 'Attic.LAN', what: 'the name, in other letters' },
    { named: '2001:DB8:0:0::20', what: 'the address, spelled otherwise' },
  ])('takes $named: $what', ({ named }) => {
    expect(namesHost(named, own)).toBe(true);
  });

  it.each(['evil.example.org', 'attic.lan.evil.org', '2001:db8::21', '::1', '1.2.3', '192.168.1.20.', ''])(
    'does not take %j',
    (named) => {
      expect(namesHost(named, own)).toBe(false);
    },
  );

  it('takes no name with a dot and no IPv6 address that is not its own', () => {
    const foreign = fc.oneof(fc.domain(), fc.ipV6()).filter((named) => !own.includes(named));
    fc.assert(
      fc.property(foreign, (named) => {
        expect(namesHost(named, own)).toBe(false);
      }),
    );
  });
});

describe('isHostItself', () => {
  it("asks for the other addresses of the host's own name", async () => {
    expect(await isHostItself('::1', 'ip6-localhost.invalid', '127.0.0.1')).toBe(false);
    expect(await isHostItself('2001:db8::1', 'localhost', '127.0.0.1')).toBe(false);
  });

  it('looks nothing up for a host that is known by its address', async () => {
    expect(await isHostItself('::1', '127.0.0.1', '127.0.0.1')).toBe(false);
    expect(await isHostItself('127.0.0.1', '127.0.0.1', '127.0.0.1')).toBe(true);
  });
});
