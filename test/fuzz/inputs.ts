/** What is thrown at each port: genuine traffic, whole and damaged, noise, and text put together from known words. */
import { writeU16 } from '../../core/protocol/bytes.ts';
import type { Corpus } from './corpus.ts';
import { mutate } from './mutate.ts';
import type { Random } from './random.ts';

const KIND = { genuine: 0.1, mutated: 0.6 } as const;
/** Sizes of noise: mostly like datagrams of clients, at times like media, rarely as large as UDP allows. */
const NOISE_SIZES = [8, 8, 64, 64, 64, 1_500, 1_500, 9_000];
const DATAGRAM_SIZE_MAX = 65_507;
const HUGE = 0.002;
const LABELLED = 0.5;
const HEADERS_MAX = 6;

const WORDS = {
  methods: ['OPTIONS', 'DESCRIBE', 'SETUP', 'ANNOUNCE', 'PLAY', 'TEARDOWN', 'GET', 'POST', 'PUT', 'X', ''],
  targets: [
    ...['rtsp://0.0.0.0:48010', 'rtsp://gleipnir-0:1', 'streamid=audio/0/0', 'streamid=video/0/0'],
    ...[
      'streamid=control/13/0',
      '/',
      '*',
      '/serverinfo',
      '/applist',
      '/appasset?appid=1',
      '/launch',
      '/resume',
    ],
    ...[
      '/cancel',
      '/pair?phrase=getservercert',
      '/pair?phrase=pairchallenge',
      '/unpair',
      '/..%2f..%2f',
      '/%00',
    ],
    ...['/launch?appid=1&mode=1x1x1&rikey=00&rikeyid=1', '/pair?clientchallenge=00', '/?a=1&a=2&a[]=3'],
  ],
  pages: [
    ...[
      '/',
      '/pin',
      '/login',
      '/logout',
      '/clients',
      '/hosts',
      '/sessions',
      '/metrics',
      '/healthz',
      '/api/state',
    ],
    ...[
      '/style.css',
      '/console.js',
      '/sessions/end',
      '/clients/revoke',
      '/clients/rename',
      '/%2e%2e/',
      '/?%ff',
    ],
  ],
  versions: ['RTSP/1.0', 'RTSP/2.0', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/0.9', ''],
  names: [
    ...['CSeq', 'Session', 'Host', 'Transport', 'Content-length', 'Content-Length', 'Content-type', 'Accept'],
    ...[
      'X-GS-ClientVersion',
      'If-Modified-Since',
      'Transfer-Encoding',
      'Connection',
      'Expect',
      'Upgrade',
      'Origin',
    ],
    ...['Cookie', 'Authorization', 'X-Forwarded-For', 'Remote-User', '', ' ', ':'],
  ],
  values: [
    ...[
      '1',
      '0',
      '-1',
      '4294967296',
      '99999999999999999999',
      '0x10',
      'NaN',
      '',
      'chunked',
      'close',
      '100-continue',
    ],
    ...[
      'application/sdp',
      'application/x-www-form-urlencoded',
      'unicast;X-GS-ClientPort=50000-50001',
      '0.0.0.0',
    ],
    ...[
      'DEADBEEFCAFE;timeout = 90',
      'rtsp://0.0.0.0',
      '127.0.0.1',
      '%s%n',
      '\u0000',
      '\u00ff\u00fe',
      'a'.repeat(300),
    ],
  ],
  fields: ['token', 'id', 'pin', 'name', 'user', 'password', 'fingerprint', 'session'],
  ends: ['\r\n', '\r\n', '\r\n', '\n', '\r', ''],
};

/** The first two bytes of control datagrams of live sessions: 12 and 2 bits, not secret. */
export interface Label {
  peerID: number;
  sessionID: number;
}

export interface InputsDeps {
  random: Random;
  corpus: Corpus;
  labels: readonly Label[];
  /** `host:port` of the page. */
  webHost: string;
}

/** Makes one input after the other, for each port. */
export class Inputs {
  readonly #deps: InputsDeps;

  constructor(deps: InputsDeps) {
    this.#deps = deps;
  }

  control(): Uint8Array {
    const { random, corpus, labels } = this.#deps;
    const datagram = this.#datagram(corpus.control);
    if (datagram.length < 2 || labels.length === 0 || !random.chance(LABELLED)) return datagram;
    const { peerID, sessionID } = random.pick(labels);
    const labelled = Uint8Array.from(datagram);
    writeU16(labelled, 0, (random.int(2) << 15) | (sessionID << 12) | peerID);
    return labelled;
  }

  media(): Uint8Array {
    return this.#datagram(this.#deps.corpus.media);
  }

  rtsp(): Uint8Array {
    return this.#stream(this.#deps.corpus.rtsp, () => this.#text(WORDS.targets));
  }

  http(): Uint8Array {
    return this.#stream(this.#deps.corpus.http, () => this.#text(WORDS.targets));
  }

  web(): Uint8Array {
    const { random, corpus } = this.#deps;
    const page = Buffer.from(random.chance(0.5) ? this.#form() : this.#text(WORDS.pages), 'latin1');
    return random.chance(0.5) ? page : mutate(page, random, random.pick(corpus.http));
  }

  #datagram(recorded: readonly Uint8Array[]): Uint8Array {
    const { random } = this.#deps;
    return this.#fromRecorded(recorded) ?? this.#noise(random.chance(HUGE) ? DATAGRAM_SIZE_MAX : undefined);
  }

  #stream(recorded: readonly Uint8Array[], compose: () => string): Uint8Array {
    const { random } = this.#deps;
    const known = this.#fromRecorded(recorded);
    if (known !== undefined) return known;
    return random.chance(0.5) ? Buffer.from(compose(), 'latin1') : this.#noise();
  }

  #fromRecorded(recorded: readonly Uint8Array[]): Uint8Array | undefined {
    const { random } = this.#deps;
    const bytes = random.pick(recorded);
    if (random.chance(KIND.genuine)) return bytes;
    return random.chance(KIND.mutated) ? mutate(bytes, random, random.pick(recorded)) : undefined;
  }

  #noise(size?: number): Uint8Array {
    const { random } = this.#deps;
    return random.bytes(size ?? random.int(random.pick(NOISE_SIZES) + 1));
  }

  /** A request of known words in an order that nobody meant. */
  #text(targets: readonly string[], body = ''): string {
    const { random } = this.#deps;
    const line = [WORDS.methods, targets, WORDS.versions].map((words) => random.pick(words)).join(' ');
    const headers = Array.from({ length: random.int(HEADERS_MAX) }, () => {
      return `${random.pick(WORDS.names)}: ${random.pick(WORDS.values)}${random.pick(WORDS.ends)}`;
    });
    return `${line}${random.pick(WORDS.ends)}${headers.join('')}${random.pick(WORDS.ends)}${body}`;
  }

  /** A well-formed POST of what is no form of ours. */
  #form(): string {
    const { random, webHost } = this.#deps;
    const fields = Array.from({ length: random.int(HEADERS_MAX) }, () => {
      return `${random.pick(WORDS.fields)}=${random.pick(WORDS.values)}`;
    });
    const body = fields.join('&');
    return [
      `POST ${random.pick(WORDS.pages)} HTTP/1.1`,
      `Host: ${webHost}`,
      `Origin: http://${random.pick([webHost, 'evil.example'])}`,
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${random.chance(0.9) ? body.length : random.int(10_000)}`,
      '',
      body,
    ].join('\r\n');
  }
}
