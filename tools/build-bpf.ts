/**
 * `tools/build-bpf.ts [output]`: compiles the kernel program with clang. The object is committed, so that nobody needs
 * clang to run it; object.test.ts builds it again and compares, with the clang that it was made with.
 */
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { readCommandLine, runProgram } from '../core/runtime/command-line.ts';

/** Of the clang that the committed object was made with: that of Debian 12. Others generate other instructions. */
export const CLANG_MAJOR = 14;

const FOLDER = join(import.meta.dirname, '..', 'relay', 'datapath', 'kernel');
const FLAGS = ['-O2', '-target', 'bpf', '-g0', '-fno-ident', '-Wall', '-Wextra', '-Werror'];

/** Where the committed object is. */
export const BPF_OBJECT = join(FOLDER, 'program.bpf.o');

/** Why the committed object cannot be made again here, or `undefined` where it can. */
export function whyNoClang(): string | undefined {
  try {
    const version = execFileSync('clang', ['-dumpversion'], { encoding: 'utf8' }).trim();
    const isRight = version.split('.', 1)[0] === String(CLANG_MAJOR);
    return isRight ? undefined : `clang ${CLANG_MAJOR} is needed, this is ${version}`;
  } catch {
    return `clang ${CLANG_MAJOR} is needed, there is none`;
  }
}

/** Compiles the program into the file `output`, an absolute path. Throws what clang fails with. */
export function buildBpfObject(output: string): void {
  // Compiled by its bare name from its own folder, so that no path of this machine gets into the object.
  execFileSync('clang', [...FLAGS, '-c', 'program.bpf.c', '-o', output], { cwd: FOLDER, stdio: 'inherit' });
}

function main(): void {
  const usage = (): string =>
    'node tools/run.mjs tools/build-bpf.ts [output]: compiles the kernel program with clang\n';
  const line = readCommandLine({ usage, options: {}, allowPositionals: true });
  if (line !== undefined) buildBpfObject(resolve(line.positionals[0] ?? BPF_OBJECT));
}

if (import.meta.main) await runProgram({ prefix: 'APPLIANCE' }, main);
