import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { count, createMode, seconds } from './mode.ts';

const plans: unknown[] = [];
const mode = createMode({
  name: 'some',
  question: 'nothing',
  needs: 'Nothing',
  options: z.object({
    names: z.enum(['nginx', 'coturn', 'nginx,coturn', '']).default('').describe('only these'),
    rounds: count.default(40).describe('of all'),
    seconds: seconds.default(0.3).describe('of each'),
  }),
  quick: { rounds: 3 },
  measure: (plan, isQuick) => {
    plans.push({ ...plan, isQuick });
    return Promise.resolve('found');
  },
  format: (found) => found,
  files: () => [],
});

/** @returns what was printed. */
async function run(...args: string[]): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await mode.run(['--some', ...args]);
  return write.mock.calls.join('');
}

afterEach(() => {
  vi.restoreAllMocks();
  plans.length = 0;
  process.exitCode = 0;
});

describe('createMode', () => {
  it('takes the defaults when nothing is said, and prints what was found', async () => {
    expect(await run()).toBe('found\n');
    expect(plans).toEqual([{ names: '', rounds: 40, seconds: 0.3, isQuick: false }]);
  });

  it('takes names, rounds and seconds', async () => {
    await run('nginx,coturn', '--rounds', '3', '--seconds', '0.5');
    expect(plans).toEqual([{ names: 'nginx,coturn', rounds: 3, seconds: 0.5, isQuick: false }]);
  });

  it('is short in a quick run, but for what is said', async () => {
    await run('--quick');
    await run('--quick', '--rounds', '7');
    expect(plans).toMatchObject([{ rounds: 3 }, { rounds: 7 }]);
  });

  it('says how it is used, with all defaults', async () => {
    expect(await run('--help')).toContain('--rounds N       of all; default 40, with --quick 3\n');
    expect(plans).toEqual([]);
    expect(process.exitCode).toBe(0);
  });

  it.each([
    { args: ['haproxy'] },
    { args: ['--rounds', '0'] },
    { args: ['--rounds', '1.5'] },
    { args: ['--rounds', 'Infinity'] },
    { args: ['--seconds', 'x'] },
    { args: ['--seconds', '0'] },
    { args: ['--seconds', '61'] },
  ])('refuses $args', async ({ args }) => {
    expect(await run(...args)).toContain('npm run bench -- --some [options]');
    expect(plans).toEqual([]);
    expect(process.exitCode).toBe(2);
  });

  it('refuses options that it does not have', async () => {
    await expect(run('--round', '1')).rejects.toThrow("'--round'");
  });
});
