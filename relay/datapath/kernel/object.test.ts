import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BPF_OBJECT, buildBpfObject, whyNoClang } from '../../../tools/build-bpf.ts';

const reason = whyNoClang();

describe.skipIf(reason !== undefined)(
  `the kernel program built again${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    it('is the object that is committed, byte for byte', () => {
      const folder = mkdtempSync(join(tmpdir(), 'gleipnir-bpf-'));
      try {
        const output = join(folder, 'program.bpf.o');
        buildBpfObject(output);
        const [built, committed] = [readFileSync(output), readFileSync(BPF_OBJECT)];
        expect(built.equals(committed), 'tools/build-bpf.ts has to be run').toBe(true);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  },
);
