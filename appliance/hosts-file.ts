/**
 * hosts.yaml: the static hosts of the appliance, and who may play on which (`hosts.example.yaml` shows all of it).
 * Every mistake is reported with its line.
 */
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

/** Numbers and yes/no need quotes in YAML; without them `1` and `1.0` would be different labels to a person's surprise. */
const Labels = z.record(z.string().min(1).max(63), z.string('a text, in quotes if need be').max(63));

const Host = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'lower-case letters, digits and dashes'),
  address: z.union([z.ipv4(), z.ipv6(), z.hostname()], 'an IP address or a host name'),
  httpPort: z.int().min(1).max(65_535).default(47_989),
  capacity: z.int().min(1).max(1_000).default(1),
  labels: Labels.exactOptional(),
  wolfSocket: z
    .string()
    .regex(/^\//, 'an absolute path')
    .max(SOCKET_PATH_MAX, `a socket's path has at most ${SOCKET_PATH_MAX} characters`)
    .exactOptional(),
});

const Rule = z.strictObject({ users: z.array(z.string().min(1)).min(1).max(USERS_MAX), hosts: Labels });

const HostsFileSchema = z
  .strictObject({
    hosts: z.array(Host).min(1).max(HOSTS_MAX),
    rules: z.array(Rule).max(RULES_MAX).default([]),
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
  const parsed = HostsFileSchema.safeParse(document.toJS());
  if (parsed.success) return parsed.data;
  return fail(
    parsed.error.issues.map(({ path, message }) => {
      const line = lineOf(document, lines, path);
      return `${fileName}:${line}: ${path.join('.') || 'file'}: ${message}`;
    }),
  );
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
