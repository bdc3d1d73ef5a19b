/**
 * RTSP messages of Moonlight's dialect, text to value and back; a message that was parsed formats to the same
 * bytes. Where messages begin and end on a connection is the work of `reader.ts`.
 *
 * The dialect is that of moonlight-common-c `RtspParser.c`, whose client compares header names case-sensitively,
 * drops the one character after `:`, does not see the end of a head without any header, and refuses an empty
 * reason; so this is all that is ever formatted, and a reply that its parser would not understand is malformed.
 */
import assert from 'node:assert';

const HEAD_END = '\r\n\r\n';
const REQUEST_LINE = /^([A-Z]{1,32}) ([\x21-\x7e]+) RTSP\/1\.0$/;
const STATUS_LINE = /^RTSP\/1\.0 ([1-9]\d\d) ([^\r\n\0]+)$/;
/** Name, one optional blank, then the whole rest of the line: ping payloads contain any punctuation. */
const HEADER_LINE = /^([!-9;-~]+):(?: ?)([^\r\n\0]*)$/;
const CONTENT_LENGTH = /^ *(\d{1,8}) *$/;

/** One header in the spelling it has on the wire; the value is the line after `Name: `, untrimmed. */
export type RtspHeader = readonly [name: string, value: string];

/** A client's request. The body is empty but in ANNOUNCE. */
export interface RtspRequest {
  /** In capitals: OPTIONS, DESCRIBE, SETUP, ANNOUNCE, PLAY. */
  method: string;
  /** URL, `streamid=...` or `/`, as sent. */
  target: string;
  headers: RtspHeader[];
  body: Uint8Array;
}

/** A host's reply. The body is whatever follows the head until the host closes; there is no length to obey. */
export interface RtspResponse {
  /** 100..999. */
  status: number;
  /** Never empty. */
  reason: string;
  /** At least one. */
  headers: RtspHeader[];
  body: Uint8Array;
}

/** Value of the first header called `name`, compared without case; `undefined` when there is none. */
export function findHeader(headers: readonly RtspHeader[], name: string): string | undefined {
  const wanted = name.toLowerCase();
  return headers.find(([candidate]) => candidate.toLowerCase() === wanted)?.[1];
}

/**
 * Decodes one whole request. Never throws.
 *
 * @returns `undefined` for what is no request, and for a body whose length is not that of `Content-length`
 * (no such header: 0).
 */
export function parseRtspRequest(bytes: Uint8Array): RtspRequest | undefined {
  const message = splitMessage(bytes);
  if (message === undefined) return undefined;

  const [, method, target] = REQUEST_LINE.exec(message.startLine) ?? [];
  if (method === undefined || target === undefined) return undefined;

  const { headers, body } = message;
  if (readContentLength(headers) !== body.length) return undefined;
  return { method, target, headers, body };
}

/**
 * Decodes one whole reply. Never throws.
 *
 * @returns `undefined` for what is no reply that a client would understand.
 */
export function parseRtspResponse(bytes: Uint8Array): RtspResponse | undefined {
  const message = splitMessage(bytes);
  if (message === undefined || message.headers.length === 0) return undefined;

  const [, status, reason] = STATUS_LINE.exec(message.startLine) ?? [];
  if (status === undefined || reason === undefined) return undefined;
  return { status: Number(status), reason, headers: message.headers, body: message.body };
}

/**
 * Encodes a request as it is. A request with a body needs its own `Content-length` header.
 * It is a programmer's error to pass text with line ends in it.
 */
export function formatRtspRequest(request: RtspRequest): Uint8Array {
  return joinMessage(`${request.method} ${request.target} RTSP/1.0`, request.headers, request.body);
}

/**
 * Encodes a reply as it is. It is a programmer's error to pass no header, an empty reason, or text with line
 * ends in it: no client would understand it.
 */
export function formatRtspResponse(response: RtspResponse): Uint8Array {
  assert(response.headers.length > 0, 'a reply without headers has no end that a client sees');
  assert(response.reason !== '', 'a reply without reason is refused by clients');
  return joinMessage(`RTSP/1.0 ${response.status} ${response.reason}`, response.headers, response.body);
}

/**
 * Bytes of body that a request's headers announce: 0 without `Content-length`.
 *
 * @returns `undefined` when it stands there twice or is no number of at most 8 digits.
 */
export function readContentLength(headers: readonly RtspHeader[]): number | undefined {
  const values = headers.filter(([name]) => name.toLowerCase() === 'content-length');
  if (values.length > 1) return undefined;
  const [header] = values;
  if (header === undefined) return 0;
  const digits = CONTENT_LENGTH.exec(header[1])?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * Decodes the header lines of a head.
 *
 * @param head Start line and header lines, latin1, without the empty line that ends them.
 * @returns `undefined` when a line is no `Name: value`.
 */
export function parseHead(head: string): { startLine: string; headers: RtspHeader[] } | undefined {
  const [startLine = '', ...lines] = head.split('\r\n');
  const headers: RtspHeader[] = [];
  for (const line of lines) {
    const [, name, value] = HEADER_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    headers.push([name, value]);
  }
  return { startLine, headers };
}

function splitMessage(
  bytes: Uint8Array,
): { startLine: string; headers: RtspHeader[]; body: Uint8Array } | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const headSize = buffer.indexOf(HEAD_END);
  if (headSize < 0) return undefined;

  const head = parseHead(buffer.toString('latin1', 0, headSize));
  if (head === undefined) return undefined;
  return { ...head, body: bytes.subarray(headSize + HEAD_END.length) };
}

function joinMessage(startLine: string, headers: readonly RtspHeader[], body: Uint8Array): Uint8Array {
  const lines = [startLine, ...headers.map(([name, value]) => `${name}: ${value}`)];
  for (const line of lines) assert(!/[\r\n\0]/.test(line), 'a line of a message holds a line end');
  return Buffer.concat([Buffer.from(lines.join('\r\n') + HEAD_END, 'latin1'), body]);
}
