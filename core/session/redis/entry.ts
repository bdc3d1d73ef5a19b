/**
 * An entry of the change stream, as the scripts write it. `former` is the id of the entry before it: a reader that was
 * at another one has missed something.
 *
 *   op        means                                fields
 *   put       a row was put                        kind, id, former
 *   restore   a row that was lost was put back     kind, id, version, former
 *   remove    a row was removed                    kind, id, former
 *   release   a claim was given back               id (its name), former
 */
import { ROW_SCHEMAS, type RowKind } from '../record.ts';
import { isVersion, type RowVersion } from './version.ts';

interface Link {
  entryId: string;
  /** Empty for the first one of a stream. */
  former: string;
}

export type Entry = Link &
  (({ op: 'put' | 'remove' } & RowVersion) | { op: 'release'; name: string } | { op: 'other' });

/** What XREAD answers for one entry: its id, then names and values in turn. */
export type RawEntry = [id: string, fields: string[]];

/** Never fails; what another version of Gleipnir may have written is `other`. A row that is put back is put. */
export function parseEntry([entryId, fields]: RawEntry): Entry {
  const values = new Map<string, string>();
  for (let at = 0; at + 1 < fields.length; at += 2) values.set(fields[at] ?? '', fields[at + 1] ?? '');
  const link = { entryId, former: values.get('former') ?? '' };
  const id = values.get('id');
  const op = values.get('op');
  if (id === undefined) return { ...link, op: 'other' };
  if (op === 'release') return { ...link, op, name: id };
  const kind = values.get('kind');
  if (kind === undefined || !isRowKind(kind)) return { ...link, op: 'other' };
  if (op === 'put' || op === 'remove') return { ...link, op, kind, id, version: entryId };
  const version = values.get('version');
  if (op !== 'restore' || version === undefined || !isVersion(version)) return { ...link, op: 'other' };
  return { ...link, op: 'put', kind, id, version };
}

function isRowKind(text: string): text is RowKind {
  return Object.hasOwn(ROW_SCHEMAS, text);
}
