import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GleipnirError } from '../../core/runtime/errors.ts';
import { parseHostsFile } from './hosts-file.ts';

function problemsOf(text: string): string {
  try {
    parseHostsFile(text, 'hosts.yaml');
  } catch (error) {
    if (error instanceof GleipnirError) return String(error.details['problems']);
    throw error;
  }
  return '';
}

const ATTIC = 'hosts:\n  - {name: attic, address: 192.0.2.7}\n';

describe('parseHostsFile', () => {
  it('reads hosts and fills in the defaults', () => {
    const text =
      'hosts:\n  - name: attic\n    address: 192.0.2.7\n' +
      '  - {name: lab, address: lab.example, httpPort: 1234, capacity: 4, wolfSocket: /run/wolf.sock, labels: {gpu: big}}\n';
    expect(parseHostsFile(text, 'hosts.yaml')).toEqual({
      hosts: [
        { name: 'attic', address: '192.0.2.7', httpPort: 47_989, capacity: 1 },
        {
          name: 'lab',
          address: 'lab.example',
          httpPort: 1_234,
          capacity: 4,
          wolfSocket: '/run/wolf.sock',
          labels: { gpu: 'big' },
        },
      ],
      rules: [],
    });
  });

  it('reads the example, which shows every key', () => {
    const text = readFileSync(new URL('../../appliance/hosts.example.yaml', import.meta.url), 'utf8');
    const { hosts, rules } = parseHostsFile(text, 'hosts.example.yaml');
    expect(hosts.map(({ name }) => name)).toEqual(['cellar', 'attic']);
    expect(hosts[0]).toMatchObject({
      wolfSocket: '/run/wolf/wolf.sock',
      labels: { gpu: 'large', floor: '0' },
    });
    expect(rules).toEqual([
      { users: ['anna', 'ben'], hosts: { gpu: 'large' } },
      { users: ['*'], hosts: { gpu: 'small' } },
    ]);
  });

  it.each([
    { name: 'an empty file', text: '', expected: /^hosts\.yaml:1: the file is empty: / },
    { name: 'nothing but comments', text: '# hosts\n', expected: /^hosts\.yaml:1: the file is empty: / },
    { name: 'no hosts', text: 'hosts: []\n', expected: /^hosts\.yaml:1: hosts: at least one host$/ },
    {
      name: 'an alias',
      text: 'hosts:\n  - &a {name: attic, address: 192.0.2.7}\n  - *a\n',
      expected: /^hosts\.yaml:3: aliases/,
    },
    { name: 'broken YAML', text: 'hosts:\n  - name: "attic\n', expected: /^hosts\.yaml:\d: / },
    {
      name: 'a bad address',
      text: 'hosts:\n  - name: attic\n    address: "not here"\n',
      expected: /^hosts\.yaml:3: hosts\.0\.address: /,
    },
    {
      name: 'a misspelt key',
      text: 'hosts:\n  - name: attic\n    address: 192.0.2.7\n    capasity: 2\n',
      expected: /^hosts\.yaml:4: hosts\.0\.capasity: did you mean capacity\?$/,
    },
    {
      name: 'a missing address',
      text: 'hosts:\n  - name: attic\n  - name: lab\n    address: 192.0.2.7\n',
      expected: /^hosts\.yaml:2: hosts\.0\.address: missing: an IP address or a host name$/,
    },
    {
      name: 'a misspelt key, without a word about the key that is then missing',
      text: 'hosts:\n  - name: attic\n    adress: 192.0.2.7\n',
      expected: /^hosts\.yaml:3: hosts\.0\.adress: did you mean address\?$/,
    },
    {
      name: 'a misspelt key at the top, in the same way',
      text: 'Hosts:\n  - {name: attic, address: 192.0.2.7}\n',
      expected: /^hosts\.yaml:\d: Hosts: did you mean hosts\?$/,
    },
    {
      name: 'a misspelt key of a rule',
      text: `${ATTIC}rules:\n  - user: ['*']\n    hosts: {}\n`,
      expected: /^hosts\.yaml:4: rules\.0\.user: did you mean users\?$/,
    },
    {
      name: 'a key that is like none',
      text: `${ATTIC.trimEnd().slice(0, -1)}, colour: red}\n`,
      expected: /^hosts\.yaml:2: hosts\.0\.colour: no such key; there are name, address, /,
    },
    {
      name: 'a host that is a word',
      text: 'hosts:\n  - attic\n',
      expected: /^hosts\.yaml:2: hosts\.0: must be keys with values/,
    },
    {
      name: 'a name twice',
      text: 'hosts:\n  - {name: a, address: 192.0.2.7}\n  - {name: a, address: 192.0.2.8}\n',
      expected: /^hosts\.yaml:3: hosts\.1\.name: "a" is there twice/,
    },
    {
      name: 'a relative socket',
      text: 'hosts:\n  - name: attic\n    address: 192.0.2.7\n    wolfSocket: wolf.sock\n',
      expected: /^hosts\.yaml:4: hosts\.0\.wolfSocket: an absolute path/,
    },
    {
      name: 'a socket that no system could open',
      text: `hosts:\n  - name: attic\n    address: 192.0.2.7\n    wolfSocket: /${'x'.repeat(120)}\n`,
      expected: /^hosts\.yaml:4: hosts\.0\.wolfSocket: .*103/,
    },
    {
      name: 'several sessions without a socket',
      text: 'hosts:\n  - name: attic\n    address: 192.0.2.7\n    capacity: 2\n',
      expected: /^hosts\.yaml:4: hosts\.0\.capacity: more than 1 needs wolfSocket/,
    },
    {
      name: 'a label that is a number',
      text: 'hosts:\n  - name: attic\n    address: 192.0.2.7\n    labels:\n      floor: 3\n',
      expected: /^hosts\.yaml:5: hosts\.0\.labels\.floor: a text, in quotes/,
    },
    {
      name: 'a rule for nobody',
      text: `${ATTIC}rules:\n  - users: []\n    hosts: {}\n`,
      expected: /^hosts\.yaml:4: rules\.0\.users: /,
    },
    {
      name: 'a rule that no host meets',
      text: `${ATTIC}rules:\n  - users: ['*']\n    hosts: { gpu: large }\n`,
      expected: /^hosts\.yaml:5: rules\.0\.hosts: no host carries these labels/,
    },
  ])('names the line of $name', ({ text, expected }) => {
    expect(problemsOf(text)).toMatch(expected);
  });

  it('names every mistake, not only the first', () => {
    expect(
      problemsOf(
        'hosts:\n  - {name: A, address: 192.0.2.7}\n  - {name: b, address: 192.0.2.7, capacity: 0}\n',
      ).split('\n'),
    ).toHaveLength(2);
  });

  it('throws nothing but its own error, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        problemsOf(text);
      }),
    );
  });
});
