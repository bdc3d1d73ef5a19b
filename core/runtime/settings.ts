/** The settings that a schema of environment variables knows, for people: names, defaults, meanings. */
import { z } from 'zod';

/** One environment variable. */
export interface Setting {
  name: string;
  /** As text; `undefined` where there is none. */
  standard: string | undefined;
  /** Whether nothing starts without it. */
  isRequired: boolean;
  /** What it means, with the values it can have where these are few. */
  meaning: string;
}

interface Property {
  description?: string;
  default?: string | number | boolean;
  enum?: unknown[];
}

/** In the order of the schema. */
export function listSettings(schema: z.ZodType): Setting[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
  }) as { properties?: Record<string, Property>; required?: string[] };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    standard: property.default === undefined ? undefined : String(property.default),
    isRequired: required.includes(name),
    meaning: [property.description, property.enum && `One of ${property.enum.map(String).join(', ')}.`]
      .filter((part) => part !== undefined)
      .join(' '),
  }));
}

/** The settings as lines of at most `columns` characters: name and default, then what it means, indented. */
export function formatSettings(schema: z.ZodType, columns = 100): string {
  return listSettings(schema)
    .map(({ name, standard = '', isRequired, meaning }) => {
      const value = isRequired ? 'required' : standard;
      return `  ${name}${value === '' ? '' : ` (${value})`}\n` + wrap(meaning, columns, ' '.repeat(6));
    })
    .join('');
}

/** Breaks a text between words; every line begins with `indent` and ends in a newline. */
export function wrap(text: string, columns: number, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > columns) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines.map((each) => `${indent}${each}\n`).join('');
}
