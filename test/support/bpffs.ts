/** A bpffs of its own for a test. Needs root. */
import { execFile } from 'node:child_process';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface BpfFolder {
  /** Where it is mounted. */
  path: string;
  close: () => Promise<void>;
}

/** Mounts it on a fresh folder; `close` takes it away with everything pinned there. */
export async function mountBpffs(): Promise<BpfFolder> {
  const path = await mkdtemp(join(tmpdir(), 'gleipnir-bpffs-'));
  await run('mount', ['-t', 'bpf', 'bpf', path]);
  return {
    path,
    close: async () => {
      await run('umount', [path]);
      await rmdir(path);
    },
  };
}
