import { describe, expect, it } from 'vitest';
import { laneOf } from '../../stage/lanes.ts';
import { formatRuleset } from './nftables.ts';
import { formatConfig, parseStreamModule } from './nginx.ts';
import { parseSocketDatagrams } from './relay.ts';

describe('laneOf', () => {
  it('gives each lane networks of its own, and the bare wire one', () => {
    const [wire, second, third] = [laneOf(0), laneOf(1), laneOf(2)];
    expect(wire.podNet).toBe(wire.clientNet);
    expect(new Set([wire, second, third].flatMap(({ podNet, clientNet }) => [podNet, clientNet])).size).toBe(
      5,
    );
    expect(new Set(second.clients).size).toBe(20);
  });
});

describe('formatRuleset', () => {
  it('maps each port of the edge to a client, and all of them to one public port', () => {
    const ruleset = formatRuleset(laneOf(1));
    expect(ruleset).toContain('50000 : 10.79.3.10 . 40000,');
    expect(ruleset).toContain('50019 : 10.79.3.29 . 40000 }');
    expect(ruleset).toContain('snat to 10.79.3.1:47998');
  });
});

describe('parseStreamModule', () => {
  it.each([
    { build: 'configure arguments: --with-stream --with-threads', load: '' },
    {
      build: 'configure arguments: --modules-path=/m --with-stream=dynamic',
      load: 'load_module /m/ngx_stream_module.so;',
    },
    { build: 'configure arguments: --with-stream_ssl_module', load: undefined },
  ])('finds $load in $build', ({ build, load }) => {
    expect(parseStreamModule(build)).toBe(load);
  });
});

describe('formatConfig', () => {
  it('has a listener for each flow', () => {
    const config = formatConfig('/somewhere', '', laneOf(1));
    expect(config.match(/listen 10\.79\.2\.1:500\d\d udp/g)).toHaveLength(20);
    expect(config).toContain('proxy_pass 10.79.3.29:40000;');
  });
});

describe('parseSocketDatagrams', () => {
  it('adds up what came to sockets, to none, and to full ones', () => {
    const text = [
      'Ip: Forwarding',
      'Ip: 1',
      'Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors',
      'Udp: 40 2 3 100 3',
      'UdpLite: InDatagrams',
      'UdpLite: 7',
    ].join('\n');
    expect(parseSocketDatagrams(text)).toBe(45);
  });

  it('counts none where nothing is told', () => {
    expect(parseSocketDatagrams('')).toBe(0);
  });
});
