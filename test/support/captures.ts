/**
 * The recorded bytes of `test/captures`, for tests that prove a codec against real peers. What each file holds
 * stands in `test/captures/README.md`; the caller names the shape it reads.
 */
import { readFileSync } from 'node:fs';

const CAPTURES = new URL('../captures/', import.meta.url);

/**
 * Reads one recording. The shape `T` is the caller's word and is not checked: a wrong one fails the test that
 * uses it.
 * @param name - file name without folder, with or without `.json`, for example `enet`
 * @throws if there is no such recording, or it is not JSON
 */
export function readCapture<T>(name: string): Readonly<T> {
  const file = name.endsWith('.json') ? name : `${name}.json`;
  return JSON.parse(readFileSync(new URL(file, CAPTURES), 'utf8')) as Readonly<T>;
}

/**
 * Bytes written as hex digits; white space and `|` between them are ignored.
 * @throws {RangeError} if the text is not whole bytes of hex digits
 */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/[\s|]/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) {
    throw new RangeError('not hex bytes');
  }
  return new Uint8Array(Buffer.from(digits, 'hex'));
}
