/**
 * What a row's key holds: `{"version":"1732700000000-0","generation":3,"row":{...}}`. The head comes first and has one
 * spelling, so that scripts read it without parsing the row.
 */
import { z } from 'zod';
import { GleipnirError } from '../../runtime/errors.ts';
import { ROW_SCHEMAS, type RowKind, type RowOf } from '../record.ts';

/** So many bytes of a value hold its head. */
export const HEAD_BYTES_MAX = 96;

const HEAD_FORM = /^\{"version":"(\d{1,16}-\d{1,16})","generation":(\d{1,16}),"row":/;

export interface RowHead {
  version: string;
  generation: number;
}

/** The very text that the scripts compose. @param json the row. */
export function formatValue({ version, generation }: RowHead, json: string): string {
  return `{"version":"${version}","generation":${generation},"row":${json}}`;
}

/** Reads what comes before the row. @returns `undefined` for what no script of ours wrote. */
export function readHead(value: string): RowHead | undefined {
  const [, version, generation] = HEAD_FORM.exec(value) ?? [];
  return version === undefined ? undefined : { version, generation: Number(generation) };
}

/** The row as JSON, unchecked. */
export function jsonOf(value: string): string {
  return value.slice((HEAD_FORM.exec(value)?.[0] ?? '').length, -1);
}

/**
 * Reads and validates a row.
 *
 * @param key named by the error; its values are not.
 * @throws GleipnirError SESSION_TABLE_CORRUPT
 */
export function parseValue<K extends RowKind>(kind: K, key: string, value: string): RowOf[K] {
  if (readHead(value) === undefined) throw corrupt(key, 'it is not in the form that this version writes');
  const schema = ROW_SCHEMAS[kind] as unknown as z.ZodType<RowOf[K]>;
  const parsed = schema.safeParse(parseJson(key, jsonOf(value)));
  if (!parsed.success) throw corrupt(key, z.prettifyError(parsed.error));
  if (!isKeyOf(key, kind, parsed.data.id)) throw corrupt(key, 'its id is not the one in its key');
  return parsed.data;
}

/** Rows of a session are called by its id, alone or followed by a colon and more. */
function isKeyOf(key: string, kind: RowKind, id: string): boolean {
  const start = `:${kind}:`;
  const name = key.slice(key.indexOf(start) + start.length);
  return name === id || name.startsWith(`${id}:`);
}

function parseJson(key: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // The parser's own message would quote the row.
    throw corrupt(key, 'it is not JSON');
  }
}

function corrupt(key: string, problems: string): GleipnirError {
  return new GleipnirError('SESSION_TABLE_CORRUPT', 'A row of the session table is damaged', {
    key,
    problems,
  });
}
