/**
 * The XML of Moonlight's HTTP answers: `<root status_code="...">` with flat fields, or a list of `App`s.
 *
 * Source: moonlight's libgamestream `xml.c`. Clients judge an answer by `status_code` and show `status_message`
 * to the person, whatever the HTTP status.
 */
import assert from 'node:assert';
import { XMLParser } from 'fast-xml-parser';

const DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n';
const FIELD_NAME = /^[A-Za-z]\w*$/;
const STATUS_CODE = /^-?\d{1,10}$/;
const APP_ID = /^-?\d{1,10}$/;
const NO_ID = 0;
/** What XML 1.0 cannot hold, and line ends, which no field needs. */
const UNFIT = /[^\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const ATTRIBUTE = '@';
/** Largest answer that is read; Wolf's /serverinfo has 17 kB. */
const CHARACTERS_MAX = 1 << 20;
const NESTED_TAGS_MAX = 8;

/** Largest id that every client can hold: 31 bits. */
export const ID_MAX = 0x7fff_ffff;

/** One entry of /applist. */
export interface MoonlightApp {
  /** 1..ID_MAX for clients; a host may say anything. */
  id: number;
  title: string;
  isHdrSupported: boolean;
}

/** A host's answer. */
export interface MoonlightXml {
  /** 200 is success. */
  statusCode: number;
  /** Empty where absent. */
  statusMessage: string;
  /** Text of each element below the root that holds nothing but text; the first, of several with one name. */
  fields: Record<string, string>;
  /** Every entry in the host's order, as it says it; the id is 0, which no app has, where it gives no number. */
  apps: MoonlightApp[];
}

/**
 * An answer with flat fields, in their order. Values may be any text; control characters become blanks.
 *
 * @param statusCode 200 for success.
 * @param options `statusMessage` is what clients show when `statusCode` is not 200.
 */
export function writeXml(
  statusCode: number,
  fields: Readonly<Record<string, string | number>>,
  options: { statusMessage?: string } = {},
): string {
  const elements = Object.entries(fields).map(([name, value]) => writeElement(name, value));
  return writeRoot(statusCode, elements.join(''), options.statusMessage);
}

/** The answer to /applist. */
export function writeApplist(apps: readonly MoonlightApp[]): string {
  const elements = apps.map(({ id, title, isHdrSupported }) => {
    const fields = [
      writeElement('IsHdrSupported', isHdrSupported ? 1 : 0),
      writeElement('AppTitle', title),
      writeElement('ID', id),
    ];
    return `<App>${fields.join('')}</App>`;
  });
  return writeRoot(200, elements.join(''));
}

/**
 * Decodes a host's answer. Never throws.
 *
 * @returns `undefined` for what is no XML with a `root` and a numeric `status_code`, for a document type, and for
 * more than 2^20 characters.
 */
export function parseMoonlightXml(text: string): MoonlightXml | undefined {
  if (text.length > CHARACTERS_MAX || /<!DOCTYPE/i.test(text)) return undefined;
  const root = parseRoot(text);
  const statusCode = root?.[`${ATTRIBUTE}status_code`];
  if (root === undefined || typeof statusCode !== 'string' || !STATUS_CODE.test(statusCode)) return undefined;

  const fields = Object.entries(root).flatMap(([name, value]): [string, string][] => {
    const [first] = toList(value);
    return typeof first === 'string' && FIELD_NAME.test(name) ? [[name, first]] : [];
  });
  return {
    statusCode: Number(statusCode),
    statusMessage: readText(root, `${ATTRIBUTE}status_message`),
    fields: Object.fromEntries(fields),
    apps: toList(root['App']).map(parseApp),
  };
}

function parseApp(value: unknown): MoonlightApp {
  const app = isElement(value) ? value : {};
  const id = readText(app, 'ID');
  return {
    id: APP_ID.test(id) ? Number(id) : NO_ID,
    title: readText(app, 'AppTitle'),
    isHdrSupported: readText(app, 'IsHdrSupported') === '1',
  };
}

function parseRoot(text: string): Record<string, unknown> | undefined {
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: ATTRIBUTE,
    ignoreDeclaration: true,
    ignorePiTags: true,
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: true,
    // Numbered characters too: Boost writes a title of blanks as `&#32;`.
    htmlEntities: true,
    maxNestedTags: NESTED_TAGS_MAX,
  });
  try {
    const document: unknown = parser.parse(text);
    return isElement(document) && isElement(document['root']) ? document['root'] : undefined;
  } catch {
    return undefined;
  }
}

function isElement(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toList(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function readText(element: Record<string, unknown>, name: string): string {
  const [first] = toList(element[name]);
  return typeof first === 'string' ? first : '';
}

function writeRoot(statusCode: number, content: string, statusMessage?: string): string {
  const message = statusMessage === undefined ? '' : ` status_message="${escape(statusMessage)}"`;
  return `${DECLARATION}<root status_code="${statusCode}"${message}>${content}</root>`;
}

function writeElement(name: string, value: string | number): string {
  assert(FIELD_NAME.test(name), 'a field name is no XML name');
  return `<${name}>${escape(String(value))}</${name}>`;
}

function escape(text: string): string {
  return text.replace(UNFIT, ' ').replace(/[&<>"]/g, (character) => ENTITIES[character] ?? '');
}
