import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isPassword, parsePasswordFile } from '../proxy/web/passwords.ts';

const TOOL = fileURLToPath(new URL('./password.ts', import.meta.url));
const run = (args: string[], input: string) =>
  spawnSync(process.execPath, [TOOL, ...args], { input, encoding: 'utf8' });

describe('tools/password.ts', () => {
  it('prints the line of the password that stdin holds, without its line end', async () => {
    const { stdout, status } = run(['alice'], 'correct horse\n');
    expect(status).toBe(0);
    const users = parsePasswordFile(stdout);
    if (!(users instanceof Map)) throw new Error(stdout);
    const [[name, stored] = ['', undefined]] = users;
    expect(name).toBe('alice');
    expect(stored && (await isPassword('correct horse', stored))).toBe(true);
  });

  it.each([
    { name: 'no name', args: [], input: 'correct horse' },
    { name: 'a name that the file cannot hold', args: ['a:b'], input: 'correct horse' },
    { name: 'a short password', args: ['alice'], input: 'horse' },
  ])('refuses $name', ({ args, input }) => {
    const { stdout, stderr, status } = run(args, input);
    expect([stdout, status]).toEqual(['', 1]);
    expect(stderr).toContain('usage');
  });
});
