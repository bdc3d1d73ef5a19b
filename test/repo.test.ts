/** The tree's own rules: what no linter sees and no reviewer should have to. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_TRAITS } from '../core/runtime/errors.ts';
import { formatConfiguration } from '../tools/configuration.ts';
import { formatCrds } from '../tools/crds.ts';
import { formatKubernetesObjects } from '../tools/kubernetes-objects.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root })
  .toString()
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(root, path)));
const sources = files.filter((path) => /\.([mc]?js|ts|c|h)$/.test(path));
const prose = files.filter((path) => path.endsWith('.md') && !path.startsWith('test/captures/'));

/** Files that nothing imports, because they are started or read by name. */
const ENTRIES =
  /(^|[/.])(main|generate|check|identity|make-clips|picture|summary-reporter)\.ts$|\.test\.ts$|\.config\.[jt]s$|^tools\/run\.mjs$|^bench\/[^/]+\.ts$|\.bpf\.[ch]$/;

describe('the repository', () => {
  it('has no file that nothing imports', () => {
    const imported = new Set<string>();
    for (const path of sources) {
      for (const [, target = ''] of read(path).matchAll(
        /(?:from|import\(|new URL\()\s*'(\.{1,2}\/[^']+)'/g,
      )) {
        imported.add(relative(root, join(root, dirname(path), target)));
      }
    }
    expect(sources.filter((path) => !ENTRIES.test(path) && !imported.has(path))).toEqual([]);
  });

  it('leaves nothing for later without an issue number', () => {
    const marker = new RegExp(['TO', 'DO|FIX', 'ME|X', 'XX'].join(''));
    const isOpen = (line: string): boolean => marker.test(line) && !/#\d+/.test(line);
    expect(sources.filter((path) => read(path).split('\n').some(isOpen))).toEqual([]);
  });

  it('names no machine’s paths', () => {
    const machinePath = new RegExp(['/wo', 'rk/|/ho', 'me/[a-z]|/ro', 'ot/'].join(''));
    expect([...sources, ...prose].filter((path) => machinePath.test(read(path)))).toEqual([]);
  });

  it('keeps every source file within 400 lines', () => {
    expect(sources.filter((path) => read(path).split('\n').length > 400)).toEqual([]);
  });

  it('keeps the README within 150 lines', () => {
    expect(read('README.md').split('\n').length).toBeLessThanOrEqual(151);
  });

  it('pins every dependency exactly', () => {
    const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string> | undefined>;
    const versions = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) =>
      Object.entries(manifest[kind] ?? {}),
    );
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  it('documents every error code, and none that is gone', () => {
    const documented = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` *\|/gm)].map(([, code]) => code);
    expect(documented.sort()).toEqual(Object.keys(ERROR_TRAITS).sort());
  });

  it('has docs/configuration.md in step with the schemas', () => {
    expect(read('docs/configuration.md')).toBe(formatConfiguration());
  });

  it('has the definitions of the kinds, and their page, in step with the schemas', () => {
    const definitions = files.filter((path) => /^crds\/[^/]+$/.test(path));
    expect(definitions).toEqual(
      formatCrds()
        .map(({ file }) => `crds/${file}`)
        .sort(),
    );
    for (const { file, content } of formatCrds()) expect(read(`crds/${file}`)).toBe(content);
    expect(read('docs/kubernetes-objects.md')).toBe(formatKubernetesObjects());
  });

  it('links only to files that are there', () => {
    const broken = prose.flatMap((path) =>
      [...read(path).matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
        .map(([, target = '']) => join(dirname(path), target))
        .filter((target) => !existsSync(join(root, target))),
    );
    expect(broken).toEqual([]);
  });

  it('runs the README’s own test command in CI', () => {
    expect(read('README.md')).toContain('npm test');
    expect(read('.ci/run')).toMatch(/^npm test$/m);
  });
});
