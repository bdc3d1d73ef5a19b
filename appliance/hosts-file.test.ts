import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GleipnirError } from '../core/runtime/errors.ts';
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

describe('parseHostsFile', () => {
  it('reads hosts and fills in the defaults', () => {
    const text =
      'hosts:\n  - name: attic\n    address: 192.0.2.7\n  - {name: lab, address: lab.example, httpPort: 1234, capacity: 4}\n';
    expect(parseHostsFile(text, 'hosts.yaml')).toEqual([
      { name: 'attic', address: '192.0.2.7', httpPort: 47_989, capacity: 1 },
      { name: 'lab', address: 'lab.example', httpPort: 1_234, capacity: 4 },
    ]);
  });

  it.each([
    { name: 'no hosts', text: '', expected: /^hosts\.yaml:1: file: / },
    { name: 'broken YAML', text: 'hosts:\n  - name: "attic\n', expected: /^hosts\.yaml:\d: / },
    {
      name: 'a bad address',
      text: 'hosts:\n  - name: attic\n    address: "not here"\n',
      expected: /^hosts\.yaml:3: hosts\.0\.address: /,
    },
    {
      name: 'a misspelt key',
      text: 'hosts:\n  - name: attic\n    address: 192.0.2.7\n    capasity: 2\n',
      expected: /^hosts\.yaml:2: hosts\.0: .*capasity/,
    },
    {
      name: 'a missing address',
      text: 'hosts:\n  - name: attic\n  - name: lab\n    address: 192.0.2.7\n',
      expected: /^hosts\.yaml:2: hosts\.0\.address: /,
    },
    {
      name: 'a name twice',
      text: 'hosts:\n  - {name: a, address: 192.0.2.7}\n  - {name: a, address: 192.0.2.8}\n',
      expected: /^hosts\.yaml:3: hosts\.1\.name: "a" is there twice/,
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
