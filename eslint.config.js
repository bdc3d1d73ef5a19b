import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const COMPONENTS = ['relay', 'proxy', 'operator', 'agent', 'sim', 'appliance'];
const IO_MODULES = ['net', 'dgram', 'fs', 'fs/promises', 'http', 'https', 'tls', 'child_process'];

const ENVIRONMENT = { object: 'process', property: 'env', message: 'Only main.ts reads the environment.' };
const NO_CLOCK = { object: 'Date', property: 'now', message: 'Pass the time in.' };
const NO_RANDOM = { object: 'Math', property: 'random', message: 'Pass the randomness in.' };
const NO_MOCK = { object: 'vi', property: 'mock', message: 'Pass a fake through deps.' };

/** Third-party libraries with one home each; replacing one is a change to one folder. */
const HOMES = [
  { home: 'core/identity', group: ['node-forge'], message: 'X.509 creation lives in core/identity only.' },
  { home: 'core/protocol', group: ['fast-xml-parser'], message: 'XML lives in core/protocol/moonlight.' },
  { home: 'core/session', group: ['ioredis'], message: 'Redis lives in core/session/redis.' },
  {
    home: 'core/store',
    group: ['@kubernetes/*'],
    message: 'The Kubernetes client lives in core/store/kubernetes; it costs a second and 80 MB.',
  },
  { home: 'proxy', group: ['fastify', '@fastify/*'], message: 'Only proxy/ serves with fastify.' },
  {
    home: 'operator/hosts/picture/main.ts',
    group: ['sharp'],
    message: 'Pictures are decoded in a process of their own: it costs 130 ms and 80 MB.',
  },
  { home: 'proxy', group: ['@homebridge/ciao'], message: 'Multicast DNS lives in proxy/discovery.' },
];

/** Bans importing the named top-level folders by relative path. */
function folders(names, message) {
  return {
    group: names.flatMap((name) => [
      `./${name}/**`,
      `../${name}/**`,
      `../../${name}/**`,
      `../../../${name}/**`,
    ]),
    message,
  };
}

/** The dependency rule for one folder: `patterns` it must not import, and every library that lives elsewhere. */
function restrict(folder, patterns, paths = []) {
  const libraries = HOMES.filter(({ home }) => home !== folder).map(({ group, message }) => ({
    group,
    message,
  }));
  return {
    files: [`${folder}/**`],
    ignores: ['**/*.test.ts', '**/main.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': ['error', { patterns: [...patterns, ...libraries], paths }],
    },
  };
}

const noComponents = folders(COMPONENTS, 'core/ never imports a component.');
const LEAVES = ['core/protocol', 'core/crd', 'core/runtime', 'core/identity'];

/** A leaf of core/ imports nothing of ours but itself. */
function leaf(folder, paths = []) {
  const others = [...LEAVES, 'core/session', 'core/store', 'core/host'].filter((name) => name !== folder);
  const names = others.map((name) => name.slice('core/'.length));
  return restrict(
    folder,
    [noComponents, folders(names, `${folder} imports nothing of ours but itself.`)],
    paths,
  );
}

export default defineConfig(
  { ignores: ['coverage/**', '.cache/**', 'data/**'] },
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js', 'tools/*.mjs'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/method-signature-style': ['error', 'property'],
      '@typescript-eslint/dot-notation': 'off',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 4],
      'max-depth': ['error', 3],
      'no-console': 'error',
      'no-restricted-properties': ['error', ENVIRONMENT],
      eqeqeq: 'error',
    },
  },
  // Dependency rule, innermost folder first.
  leaf('core/protocol', [
    ...IO_MODULES.map((name) => ({ name: `node:${name}`, message: 'core/protocol is pure: no I/O.' })),
    {
      name: 'node:crypto',
      importNames: ['randomBytes', 'randomInt', 'randomUUID'],
      message: 'Pass the randomness in.',
    },
  ]),
  leaf('core/crd'),
  leaf('core/runtime'),
  leaf('core/identity'),
  restrict('core/session', [noComponents, folders(['store', 'host'], 'core/session imports leaves only.')]),
  restrict('core/store', [noComponents, folders(['session', 'host'], 'core/store imports leaves only.')]),
  restrict('core/host', [noComponents, folders(['session', 'store'], 'core/host imports leaves only.')]),
  ...['relay', 'proxy', 'operator', 'agent', 'sim'].map((self) =>
    restrict(self, [
      folders(
        COMPONENTS.filter((other) => other !== self),
        'Components meet only through the session table and the object store.',
      ),
    ]),
  ),
  {
    files: ['core/protocol/**'],
    ignores: ['**/*.test.ts'],
    rules: { 'no-restricted-properties': ['error', ENVIRONMENT, NO_CLOCK, NO_RANDOM] },
  },
  // These index bytes without a check on purpose: their callers have checked the length.
  {
    files: ['core/protocol/bytes.ts', 'core/protocol/rtp/reed-solomon.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    files: ['**/main.ts', 'bench/**', 'tools/**', '*.config.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['**/*.test.ts', 'test/**', 'bench/**'],
    rules: {
      'max-lines-per-function': 'off',
      'no-console': 'off',
      'no-restricted-properties': ['error', NO_MOCK],
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'off' },
  },
);
