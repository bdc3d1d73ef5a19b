import { describe, expect, it } from 'vitest';
import { Bpf } from './bpf.ts';
import type { Libc } from './libc.ts';

const EAGAIN = 11;
const EPERM = 1;
const OBJECT = { instructions: new Uint8Array(16), maps: [], license: 'GPL' };

/** A kernel that refuses calls with these errors, one after the other, and then gives descriptor 7. */
function refusing(...errors: number[]): { libc: Libc; calls: () => number } {
  let calls = 0;
  let last = 0;
  const unused = (): number => -1;
  const libc: Libc = {
    syscall: () => {
      last = errors[calls] ?? 0;
      calls += 1;
      return last === 0 ? 7 : -1;
    },
    socket: unused,
    bind: unused,
    send: unused,
    recv: unused,
    errno: () => last,
    addressOf: () => 0n,
  };
  return { libc, calls: () => calls };
}

const isHere = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);

describe.skipIf(!isHere)('Bpf (on Linux on x64 and arm64)', () => {
  it('loads again what a signal interrupted', () => {
    const { libc, calls } = refusing(EAGAIN, EAGAIN);
    expect(new Bpf(libc).loadProgram(OBJECT, {})).toBe(7);
    expect(calls()).toBe(3);
  });

  it('does not try for ever', () => {
    const { libc, calls } = refusing(...new Array<number>(100).fill(EAGAIN));
    expect(() => new Bpf(libc).loadProgram(OBJECT, {})).toThrow(
      expect.objectContaining({ details: { command: 'PROG_LOAD', error: 'EAGAIN' } }),
    );
    expect(calls()).toBe(10);
  });

  it('says what the kernel refused, and why', () => {
    const { libc, calls } = refusing(EPERM);
    expect(() => new Bpf(libc).createMap({ keySize: 4, valueSize: 4, maxEntries: 1 })).toThrow(
      expect.objectContaining({
        code: 'KERNEL_PATH_UNAVAILABLE',
        details: { command: 'MAP_CREATE', error: 'EPERM' },
      }),
    );
    expect(calls()).toBe(1);
  });

  it('wants every map of a program', () => {
    const { libc } = refusing();
    const object = { ...OBJECT, maps: [{ offset: 0, map: 'routes5' }] };
    expect(() => new Bpf(libc).loadProgram(object, {})).toThrow(
      expect.objectContaining({ details: { map: 'routes5' } }),
    );
  });
});
