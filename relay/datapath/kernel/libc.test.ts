import { execFileSync } from 'node:child_process';
import { closeSync, cpSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { getSystemErrorName } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allocate, loadLibc, type Libc } from './libc.ts';

/** read(2) and readv(2). */
const SYSCALLS: Partial<Record<NodeJS.Architecture, { read: number; readv: number }>> = {
  x64: { read: 0, readv: 19 },
  arm64: { read: 63, readv: 65 },
};
const CONTENT = Buffer.from('written by the kernel');
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NO_FAMILY = 999;

const syscalls = process.platform === 'linux' ? SYSCALLS[process.arch] : undefined;
const reason = whyNotHere();

function whyNotHere(): string | undefined {
  if (syscalls === undefined) return 'only Linux on x64 and arm64 has these calls';
  try {
    loadLibc();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe('allocate', () => {
  it('gives zeros in memory of their own', () => {
    const [one, other] = [allocate(16), allocate(16)];
    expect(one).toEqual(new Uint8Array(16));
    expect([one.byteOffset, one.buffer.byteLength]).toEqual([0, 16]);
    expect(one.buffer).not.toBe(other.buffer);
  });
});

describe('loadLibc', () => {
  it('says so where koffi is not installed', () => {
    const away = mkdtempSync(join(tmpdir(), 'gleipnir-libc-'));
    const root = join(import.meta.dirname, '..', '..', '..');
    const module = join('relay', 'datapath', 'kernel', 'libc.ts');
    for (const path of [module, join('core', 'runtime', 'errors.ts')])
      cpSync(join(root, path), join(away, path));
    writeFileSync(join(away, 'package.json'), '{"type":"module"}');
    const script = `const { loadLibc } = await import(${JSON.stringify(pathToFileURL(join(away, module)).href)});
      try { loadLibc(); } catch (error) { console.log(error.code, error.cause.code, error.message); }`;
    const said = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
    });
    rmSync(away, { recursive: true });
    expect(said).toBe('KERNEL_PATH_UNAVAILABLE MODULE_NOT_FOUND The C library cannot be called\n');
  });
});

describe.skipIf(reason !== undefined)(
  `the C library${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    const { read, readv } = syscalls ?? { read: 0, readv: 0 };
    let libc: Libc;
    let folder = '';
    let path = '';
    let file = -1;

    beforeAll(() => {
      libc = loadLibc();
      folder = mkdtempSync(join(tmpdir(), 'gleipnir-libc-'));
      path = join(folder, 'content');
      writeFileSync(path, CONTENT);
      file = openSync(path, 'r');
    });
    afterAll(() => {
      closeSync(file);
      rmSync(folder, { recursive: true });
    });

    it('writes where an array is that is passed', () => {
      const bytes = allocate(CONTENT.length + 1);
      expect(libc.syscall(read, file, bytes, bytes.length)).toBe(CONTENT.length);
      expect(Buffer.from(bytes)).toEqual(Buffer.concat([CONTENT, Buffer.alloc(1)]));
    });

    it('writes where an array is by its address, however much was allocated since', () => {
      expect(endianness()).toBe('LE');
      const target = allocate(8);
      const vector = allocate(16);
      const view = new DataView(vector.buffer);
      view.setBigUint64(0, libc.addressOf(target), true);
      view.setBigUint64(8, BigInt(target.length), true);
      const later = Array.from({ length: 20_000 }, () => allocate(64));
      const fresh = openSync(path, 'r');
      expect(libc.syscall(readv, fresh, vector, 1)).toBe(target.length);
      closeSync(fresh);
      expect(Buffer.from(target)).toEqual(CONTENT.subarray(0, target.length));
      expect(libc.addressOf(target)).toBe(view.getBigUint64(0, true));
      expect(later.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
    });

    it('answers -1 and names the error', () => {
      expect(libc.syscall(read, -1, allocate(1), 1)).toBe(-1);
      expect(getSystemErrorName(-libc.errno())).toBe('EBADF');
      expect(libc.socket(NO_FAMILY, SOCK_RAW, 0)).toBe(-1);
      expect(getSystemErrorName(-libc.errno())).toBe('EAFNOSUPPORT');
    });

    it('sends and receives through a socket', () => {
      const descriptor = libc.socket(AF_NETLINK, SOCK_RAW, 0);
      expect(descriptor).toBeGreaterThan(0);
      try {
        const address = allocate(12);
        new DataView(address.buffer).setUint16(0, AF_NETLINK, true);
        expect(libc.bind(descriptor, address, address.length)).toBe(0);
        // NLMSG_NOOP that asks to be acknowledged: the answer is an NLMSG_ERROR of 0.
        const request = allocate(16);
        const view = new DataView(request.buffer);
        view.setUint32(0, request.length, true);
        view.setUint16(4, 0x10, true);
        view.setUint16(6, 5, true);
        view.setUint32(8, 0x1234_5678, true);
        expect(libc.send(descriptor, request, request.length, 0)).toBe(request.length);
        const answer = allocate(4096);
        expect(libc.recv(descriptor, answer, answer.length, 0)).toBeGreaterThanOrEqual(20);
        expect(new DataView(answer.buffer).getUint32(8, true)).toBe(0x1234_5678);
      } finally {
        closeSync(descriptor);
      }
    });
  },
);
