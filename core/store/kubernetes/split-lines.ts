/** Text that arrives in pieces, as lines. */

/**
 * Yields each line without its line feed.
 *
 * @throws Error when a line is longer than `charactersMax`, or the text ends within one; and whatever `chunks` throws.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  charactersMax: number,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  /** Pieces of the line that has not ended yet. */
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    const [head = '', ...rest] = decoder.decode(chunk, { stream: true }).split('\n');
    pieces.push(head);
    length += head.length;
    for (const next of rest) {
      yield pieces.join('');
      pieces = [next];
      length = next.length;
    }
    if (length > charactersMax) throw new Error('a line is too long');
  }
  if (length > 0) throw new Error('the last line is not whole');
}
