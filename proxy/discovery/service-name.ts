/** The two names of an announced service: what people read, and the host name that its address is looked up by. */

/** A DNS label has 63 bytes; the rest is for the number that a name gets when another host has it. */
const LABEL_BYTES_MAX = 56;
const FALLBACK = 'gleipnir';

/**
 * @param hostname - any text
 * @returns `name`, the text as far as a label holds it; `hostname`, letters, digits and dashes of it.
 */
export function makeServiceName(hostname: string): { name: string; hostname: string } {
  const slug = hostname
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z0-9]+/g, '-')
    .slice(0, LABEL_BYTES_MAX)
    .replaceAll(/^-+|-+$/g, '');
  return { name: cut(hostname.trim()) || FALLBACK, hostname: slug === '' ? FALLBACK : slug };
}

/** The first characters of `text` that together have at most so many bytes; never half of one. */
function cut(text: string): string {
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > LABEL_BYTES_MAX) break;
    kept += character;
  }
  return kept;
}
