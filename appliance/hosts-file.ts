/** hosts.yaml: the static hosts of the appliance. Every mistake is reported with its line. */
import { LineCounter, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { GleipnirError } from '../core/runtime/errors.ts';
import type { HostSpec } from '../operator/hosts/types.ts';

const HOSTS_MAX = 256;

const Host = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'lower-case letters, digits and dashes'),
  address: z.union([z.ipv4(), z.ipv6(), z.hostname()], 'an IP address or a host name'),
  httpPort: z.int().min(1).max(65_535).default(47_989),
  capacity: z.int().min(1).max(1_000).default(1),
});

const HostsFile = z
  .strictObject({ hosts: z.array(Host).min(1).max(HOSTS_MAX) })
  .superRefine(({ hosts }, context) => {
    const seen = new Set<string>();
    for (const [index, { name }] of hosts.entries()) {
      if (seen.has(name)) {
        context.addIssue({
          code: 'custom',
          path: ['hosts', index, 'name'],
          message: `"${name}" is there twice`,
        });
      }
      seen.add(name);
    }
  });

/**
 * Reads the text of a hosts.yaml.
 *
 * @param fileName how messages call the file.
 * @throws GleipnirError HOSTS_FILE_INVALID; `details.problems` has one `file:line: path: message` per mistake.
 */
export function parseHostsFile(text: string, fileName: string): HostSpec[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, maxAliasCount: 0 } as object);
  const fail = (problems: string[]): never => {
    throw new GleipnirError('HOSTS_FILE_INVALID', 'The hosts file is invalid', {
      problems: problems.join('\n'),
    });
  };
  if (document.errors.length > 0) {
    fail(document.errors.map(({ message, pos }) => `${fileName}:${lines.linePos(pos[0]).line}: ${message}`));
  }
  const parsed = HostsFile.safeParse(document.toJS({ maxAliasCount: 0 }));
  if (parsed.success) return parsed.data.hosts;
  return fail(
    parsed.error.issues.map(({ path, message }) => {
      const line = lineOf(document, lines, path);
      return `${fileName}:${line}: ${path.join('.') || 'file'}: ${message}`;
    }),
  );
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
