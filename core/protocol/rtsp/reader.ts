/**
 * Incremental reader of one client's request from a TCP connection. Clients use one connection per request and
 * send it in pieces of at most 536 bytes, so a request is complete when its `Content-length` (plain text) or its
 * frame length (encrypted) says so, and anything after it is malformed.
 */
import { parseRtspFrame, RTSP_FRAME_BIT, rtspFrameSize, type RtspFrame } from './encryption.ts';
import { parseHead, readContentLength } from './message.ts';

const HEAD_END = '\r\n\r\n';
const INITIAL_SIZE = 2048;
/** A method begins with one of A..Z. */
const METHOD_FIRST = 0x41;
const METHOD_LAST = 0x5a;
const INCOMPLETE = { kind: 'incomplete' } as const;
const MALFORMED = { kind: 'malformed' } as const;

/** What is known of the request so far; `plain` and `encrypted` carry all of it. */
export type RtspReading =
  | { kind: 'incomplete' }
  | { kind: 'malformed' }
  | { kind: 'plain'; message: Uint8Array }
  | { kind: 'encrypted'; frame: RtspFrame };

/** Collects the chunks of one connection. Holds at most `maxBytes`; never throws on any bytes. */
export class RtspReader {
  readonly #maxBytes: number;
  #buffer: Buffer;
  #length = 0;
  /** Bytes that were already searched for the end of the head. */
  #searched = 0;
  /** Size of the whole message once it is known. */
  #size: number | undefined;
  #isMalformed = false;

  /** @param limits `maxBytes`: largest request accepted, head and body, or frame. */
  constructor(limits: { maxBytes: number }) {
    this.#maxBytes = limits.maxBytes;
    this.#buffer = Buffer.alloc(Math.min(INITIAL_SIZE, limits.maxBytes));
  }

  /** Takes the next bytes of the connection. After `malformed` it stays so. */
  push(chunk: Uint8Array): RtspReading {
    if (this.#isMalformed || this.#length + chunk.length > this.#maxBytes) return this.#refuse();
    this.#append(chunk);

    const size = this.#size ?? this.#measure();
    if (size === 'incomplete') return INCOMPLETE;
    if (size === 'malformed' || size > this.#maxBytes || this.#length > size) return this.#refuse();
    this.#size = size;
    return this.#length < size ? INCOMPLETE : this.#complete();
  }

  /** Size of the whole message, as soon as the bytes so far tell it. */
  #measure(): number | 'incomplete' | 'malformed' {
    const bytes = this.#bytes();
    const [first] = bytes;
    if (first === undefined) return 'incomplete';
    if ((first & RTSP_FRAME_BIT) !== 0) return rtspFrameSize(bytes);
    if (first < METHOD_FIRST || first > METHOD_LAST) return 'malformed';

    const headSize = bytes.indexOf(HEAD_END, Math.max(0, this.#searched - HEAD_END.length + 1));
    this.#searched = bytes.length;
    if (headSize < 0) return 'incomplete';

    const head = parseHead(bytes.toString('latin1', 0, headSize));
    const contentLength = head === undefined ? undefined : readContentLength(head.headers);
    return contentLength === undefined ? 'malformed' : headSize + HEAD_END.length + contentLength;
  }

  #complete(): RtspReading {
    const message = this.#bytes();
    const frame = parseRtspFrame(message);
    return typeof frame === 'string' ? { kind: 'plain', message } : { kind: 'encrypted', frame };
  }

  #append(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.#buffer.length) {
      const grown = Buffer.alloc(Math.min(this.#maxBytes, Math.max(length, 2 * this.#buffer.length)));
      grown.set(this.#bytes());
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = length;
  }

  #bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #refuse(): RtspReading {
    this.#isMalformed = true;
    return MALFORMED;
  }
}
