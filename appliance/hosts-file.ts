/**
 * hosts.yaml: the static hosts of the appliance, and who may play on which (`hosts.example.yaml` shows all of it).
 * Every mistake is reported with its line.
 */
import { closestMatch } from 'leven';
import { LineCounter, parseDocument, visit, type Document } from 'yaml';
import { z } from 'zod';
import { GleipnirError } from '../core/runtime/errors.ts';
import { carries } from '../operator/hosts/rules.ts';
import type { HostRule, HostSpec } from '../operator/hosts/types.ts';

const HOSTS_MAX = 256;
const RULES_MAX = 256;
const USERS_MAX = 1_000;
/** What a socket address holds, on every system. */
const SOCKET_PATH_MAX = 103;
/** Letters that may differ for a key to be taken for a misspelt one. */
const TYPO_DISTANCE_MAX = 2;

/** Numbers and yes/no need quotes in YAML; without them `1` and `1.0` would be different labels to a person's surprise. */
const Labels = z.record(z.string().min(1).max(63), z.string('a text, in quotes if need be').max(63));

function within(min: number, max: number): z.ZodInt {
  const expected = `a whole number from ${min} to ${max}`;
  return z.int(expected).min(min, expected).max(max, expected);
}

const Host = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'lower-case letters, digits and dashes'),
  address: z.union([z.ipv4(), z.ipv6(), z.hostname()], 'an IP address or a host name'),
  httpPort: within(1, 65_535).default(47_989),
  capacity: within(1, 1_000).default(1),
  labels: Labels.exactOptional(),
  wolfSocket: z
    .string()
    .regex(/^\//, 'an absolute path')
    .max(SOCKET_PATH_MAX, `a socket's path has at most ${SOCKET_PATH_MAX} characters`)
    .exactOptional(),
});

const Rule = z.strictObject({
  users: z
    .array(z.string().min(1, 'the name of a user'))
    .min(1, "at least one user, or '*' for everybody")
    .max(USERS_MAX, `at most ${USERS_MAX} users`),
  hosts: Labels,
});

const HostsFileSchema = z
  .strictObject({
    hosts: z.array(Host).min(1, 'at least one host').max(HOSTS_MAX, `at most ${HOSTS_MAX} hosts`),
    rules: z.array(Rule).max(RULES_MAX, `at most ${RULES_MAX} rules`).default([]),
  })
  .superRefine(({ hosts, rules }, context) => {
    const report = (path: (string | number)[], message: string): void => {
      context.addIssue({ code: 'custom', path, message });
    };
    const seen = new Set<string>();
    for (const [index, { name, capacity, wolfSocket }] of hosts.entries()) {
      if (seen.has(name)) report(['hosts', index, 'name'], `"${name}" is there twice`);
      seen.add(name);
      if (capacity > 1 && wolfSocket === undefined) {
        report(
          ['hosts', index, 'capacity'],
          'more than 1 needs wolfSocket: the host knows one identity without it',
        );
      }
    }
    for (const [index, rule] of rules.entries()) {
      if (hosts.some(({ labels }) => carries(labels, rule.hosts))) continue;
      report(['rules', index, 'hosts'], 'no host carries these labels');
    }
  });

/** What may stand at the top of the file, in a host and in a rule. */
const KEYS = { '': ['hosts', 'rules'], hosts: Object.keys(Host.shape), rules: Object.keys(Rule.shape) };

/** A hosts.yaml that makes sense. */
export interface HostsFile {
  hosts: HostSpec[];
  /** In the order of the file. */
  rules: HostRule[];
}

/**
 * Reads the text of a hosts.yaml.
 *
 * @param fileName how messages call the file.
 * @throws GleipnirError HOSTS_FILE_INVALID; `details.problems` has one `file:line: path: message` per mistake.
 */
export function parseHostsFile(text: string, fileName: string): HostsFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const fail = (problems: string[]): never => {
    throw new GleipnirError('HOSTS_FILE_INVALID', 'The hosts file is invalid', {
      problems: problems.join('\n'),
    });
  };
  if (document.errors.length > 0) {
    fail(document.errors.map(({ message, pos }) => `${fileName}:${lines.linePos(pos[0]).line}: ${message}`));
  }
  const aliases = aliasLines(document, lines);
  if (aliases.length > 0) fail(aliases.map((line) => `${fileName}:${line}: aliases (*name) are not allowed`));
  const content: unknown = document.toJS();
  if (content === null || content === undefined) {
    fail([`${fileName}:1: the file is empty: name a host, or remove the file for the demo host`]);
  }
  const parsed = HostsFileSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.flatMap((issue) => explain(issue, parsed.error.issues));
  return fail(
    mistakes.map(({ path, message }) => {
      const line = lineOf(document, lines, path);
      const lack = path.length === 0 || document.hasIn(path) ? '' : 'missing: ';
      return `${fileName}:${line}: ${path.join('.') || 'file'}: ${lack}${message}`;
    }),
  );
}

type Issue = z.core.$ZodIssue;
type Mistake = Pick<Issue, 'path' | 'message'>;

/** An issue in words; none for a missing key that is there, misspelt. */
function explain(issue: Issue, all: readonly Issue[]): Mistake[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const meant = meantBy(issue.path, key);
      const message =
        meant === undefined
          ? `no such key; there are ${keysAt(issue.path).join(', ')}`
          : `did you mean ${meant}?`;
      return { path: [...issue.path, key], message };
    });
  }
  const above = issue.path.slice(0, -1);
  const isMisspelt = all.some(
    (other) =>
      other.code === 'unrecognized_keys' &&
      isSamePath(other.path, above) &&
      other.keys.some((key) => meantBy(above, key) === issue.path.at(-1)),
  );
  if (isMisspelt) return [];
  return [issue.code === 'invalid_type' ? { path: issue.path, message: describeType(issue) } : issue];
}

/** The schema's own words for an address or a label; in others "expected" and "received" are for programmers. */
function describeType({ message, expected }: z.core.$ZodIssueInvalidType): string {
  if (!message.startsWith('Invalid input')) return message;
  const kinds: Readonly<Record<string, string>> = {
    array: 'a list: lines that begin with a dash',
    object: 'keys with values, such as name: attic',
    int: 'a whole number',
    number: 'a number',
    string: 'a text, in quotes if need be',
  };
  return `must be ${kinds[expected] ?? expected}`;
}

function keysAt(path: readonly PropertyKey[]): string[] {
  const place = String(path[0] ?? '');
  return path.length > 2 || !(place in KEYS) ? [] : KEYS[place as keyof typeof KEYS];
}

/** The key of ours that a misspelt one is most like. */
function meantBy(path: readonly PropertyKey[], key: string): string | undefined {
  const byLetters = keysAt(path).find((known) => known.toLowerCase() === key.toLowerCase());
  return byLetters ?? closestMatch(key, keysAt(path), { maxDistance: TYPO_DISTANCE_MAX });
}

function isSamePath(one: readonly PropertyKey[], other: readonly PropertyKey[]): boolean {
  return one.length === other.length && one.every((part, index) => part === other[index]);
}

/** Where an alias stands: a few of them can stand for more than memory holds. */
function aliasLines(document: Document, lines: LineCounter): number[] {
  const found: number[] = [];
  visit(document, {
    Alias: (_, { range }) => {
      found.push(lines.linePos(range?.[0] ?? 0).line);
    },
  });
  return found;
}

/** The line of the node at `path`, or of its nearest ancestor that is there. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true) as
      { range?: [number, number, number] } | null | undefined;
    if (node?.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}
