/** The recorded traffic of a real client and real hosts, by the port it belongs to. */
import { hex, readCapture } from '../support/captures.ts';
import { readEnetStreams } from '../support/enet-captures.ts';
import { readMediaSession } from '../support/media-captures.ts';

const RTSP = ['rtsp-plain-10mbit', 'rtsp-plain-20mbit', 'rtsp-encrypted'];

export interface Corpus {
  /** Datagrams of both directions. */
  control: Uint8Array[];
  /** Pings of clients, and media of hosts. */
  media: Uint8Array[];
  /** Whole requests, plain and encrypted. */
  rtsp: Uint8Array[];
  /** Whole requests, HTTP and HTTPS, pairing included. */
  http: Uint8Array[];
}

interface RecordedRtsp {
  messages: { requestBase64: string }[];
}

interface Exchanges {
  exchanges: { requestText?: string | null }[];
}

/** Reads them all. */
export function readCorpus(): Corpus {
  const pings = readCapture<{ sessions: Record<'video' | 'audio', { pings: { hex: string }[] }>[] }>('ping');
  const mediaOfHosts = ['wolf10mbit', 'fakeHostEncrypted'].map(readMediaSession);
  const groups = [
    ...readCapture<{ groups: Exchanges[] }>('http').groups,
    ...readCapture<{ runs: Exchanges[] }>('pairing').runs,
  ];
  return {
    control: readEnetStreams().flatMap(({ datagrams }) => datagrams.map(({ hex: bytes }) => hex(bytes))),
    media: [
      ...pings.sessions.flatMap(({ video, audio }) =>
        [...video.pings, ...audio.pings].map((ping) => hex(ping.hex)),
      ),
      ...mediaOfHosts.flatMap(({ video, audio }) =>
        [...video, ...audio].map((datagram) => hex(datagram.hex)),
      ),
    ],
    rtsp: RTSP.flatMap((name) =>
      readCapture<RecordedRtsp>(name).messages.map(({ requestBase64 }) =>
        Buffer.from(requestBase64, 'base64'),
      ),
    ),
    http: groups.flatMap(({ exchanges }) =>
      exchanges.flatMap(({ requestText }) => (requestText ? [Buffer.from(requestText, 'latin1')] : [])),
    ),
  };
}
