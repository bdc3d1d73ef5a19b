/** HTML as text: every value is escaped unless it is HTML already. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A piece of HTML that may go into a page as it is. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | Html | readonly Html[];

/** Template tag: literal parts are HTML; values are escaped, but for `Html` and lists of it. */
export function html(literals: TemplateStringsArray, ...values: Value[]): Html {
  const parts = literals.map((literal, index) => literal + textOf(values[index]));
  return new Html(parts.join(''));
}

function textOf(value: Value | undefined): string {
  if (value === undefined) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(({ text }) => text).join('');
  return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
