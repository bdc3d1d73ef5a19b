import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPasswordLine, isPassword, parsePasswordFile, type PasswordHash } from './passwords.ts';

const SALT = 'A'.repeat(22) + '==';
const HASH = 'B'.repeat(43) + '=';
const line = (cost: string, user = 'alice') => `${user}:scrypt$${cost}$${SALT}$${HASH}`;

function users(text: string): Map<string, PasswordHash> {
  const parsed = parsePasswordFile(text);
  if (!(parsed instanceof Map)) throw new Error(`line ${parsed.badLine}`);
  return parsed;
}

describe('formatPasswordLine', () => {
  it('makes a line that lets in its password and no other', async () => {
    const stored = users((await formatPasswordLine('alice', 'Straße 9')) ?? '').get('alice');
    if (stored === undefined) throw new Error('no alice');
    expect(await isPassword('Straße 9', stored)).toBe(true);
    expect(await isPassword('strasse 9', stored)).toBe(false);
  });

  it.each(['', 'a:b', 'a b', 'a$b', '#a', 'x'.repeat(65)])('makes no line for the name %j', async (name) => {
    expect(await formatPasswordLine(name, 'x')).toBeUndefined();
  });
});

describe('parsePasswordFile', () => {
  it('skips comments and empty lines', () => {
    const text = `# who\n\n${line('1024$8$1')}\r\n  ${line('32768$8$1', 'bob')}  \n`;
    expect([...users(text).keys()]).toEqual(['alice', 'bob']);
    expect(users(text).get('bob')).toMatchObject({ N: 32768, r: 8, p: 1 });
  });

  it.each([
    { name: 'a plain password', text: 'alice:secret' },
    { name: 'a cost that is no power of two', text: line('1000$8$1') },
    { name: 'no cost', text: line('1$8$1') },
    { name: 'more memory than there is to give', text: line('1048576$8$1') },
    { name: 'endless rounds', text: line('1024$8$999') },
    { name: 'a short hash', text: 'alice:scrypt$1024$8$1$AAAA$BBBB' },
    { name: 'a user twice', text: `${line('1024$8$1')}\n${line('1024$8$1')}` },
  ])('names the line of $name', ({ text }) => {
    expect(parsePasswordFile(`# first\n${text}`)).toEqual({ badLine: text.includes('\n') ? 3 : 2 });
  });

  it('never throws on any text', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        parsePasswordFile(`${one}\n${line(other)}`);
      }),
    );
  });
});
