/**
 * The program `kubelab`: Kubernetes' parts and etcd in one, for tests. Building it takes 10 minutes the first time, so it is
 * kept outside the tree, under a name that says what it was made of.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

const folder = import.meta.dirname;
/** Where Go's own installer puts it, whether it is in PATH or not. */
const GO_FOLDER = '/usr/local/go/bin';

const source = ['go.mod', 'go.sum', 'main.go'].map((name) => readFileSync(join(folder, name), 'utf8'));
const digest = createHash('sha256').update(source.join('\0')).digest('hex').slice(0, 16);
const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');

/** Where the program of these sources is, once it is built. */
export const KUBELAB = join(cache, 'gleipnir', `kubelab-${digest}`);

/** Why tests that need it cannot run here; `undefined` where they can. */
export function whyNoKubelab(): string | undefined {
  if (existsSync(KUBELAB)) return undefined;
  return findGo() === undefined ? 'Go is not installed' : 'kubelab is not built: npm run kube-lab';
}

/** Builds the program unless it is there. @returns its path, or `undefined` where Go is not installed. */
export function buildKubelab(): string | undefined {
  if (existsSync(KUBELAB)) return KUBELAB;
  const go = findGo();
  if (go === undefined) return undefined;
  mkdirSync(dirname(KUBELAB), { recursive: true });
  const unfinished = `${KUBELAB}.${process.pid}.tmp`;
  const options = { cwd: folder, stdio: 'inherit' } as const;
  execFileSync(go, ['build', '-trimpath', '-ldflags', linkerFlags(), '-o', unfinished, '.'], options);
  renameSync(unfinished, KUBELAB);
  return KUBELAB;
}

/** Without a version of their own, kubectl and helm refuse to talk to the server. */
function linkerFlags(): string {
  const [, version = '', major = '', minor = ''] =
    /k8s\.io\/kubernetes (v(\d+)\.(\d+)\.\d+)/.exec(source[0] ?? '') ?? [];
  const set = (name: string, value: string): string => `-X k8s.io/component-base/version.${name}=${value}`;
  return ['-s -w', set('gitVersion', version), set('gitMajor', major), set('gitMinor', minor)].join(' ');
}

function findGo(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), GO_FOLDER];
  return folders.map((path) => join(path, 'go')).find((go) => spawnSync(go, ['version']).status === 0);
}
