/** Shapes of `test/captures/media.json`, as far as tests read them. */
import { hex, readCapture } from './captures.ts';

/** Header fields as the recording's own decoder saw them. */
interface RecordedHeader {
  rtp: {
    byte0: string;
    marker: number;
    payloadType: number;
    sequenceNumber: number;
    timestamp: number;
    ssrc: number;
  };
}

/** What the decoder saw in a video packet. */
export interface RecordedVideoHeader extends RecordedHeader {
  streamPacketIndex: number;
  frameIndex: number;
  flags: number;
  extraFlags: number;
  multiFecFlags: string;
  fecBlock: number;
  fecLastBlock: number;
  fecInfo: {
    dataShards: number;
    shardIndex: number;
    fecPercentage: number;
    parityShards: number;
    isParity: boolean;
  };
  frameHeader?: {
    hex: string;
    hostProcessingLatencyTenthMs: number;
    frameType: number;
    lastPayloadLength: number;
  };
}

/** What the decoder saw in an audio packet. */
export interface RecordedAudioHeader extends RecordedHeader {
  kind: 'data' | 'FEC';
  fec?: {
    fecShardIndex: number;
    payloadType: number;
    baseSequenceNumber: number;
    baseTimestamp: number;
    ssrc: number;
  };
}

/** One datagram from the host. */
export interface RecordedMedia<Header extends RecordedHeader> {
  direction: 'client->host' | 'host->client';
  hex: string;
  header: Header;
  /** Encrypted video. */
  encHeader?: { ivHex: string; frameNumber: number };
  decryptedLength?: number;
  decryptedFirst64Hex?: string;
  decryptedSha256?: string;
  /** Audio. */
  decryptedOpusHex?: string;
}

interface Stream<Header extends RecordedHeader> {
  datagrams: RecordedMedia<Header>[];
}

interface Group {
  rikey: string;
  rikeyid: number;
  video?: Stream<RecordedVideoHeader>;
  audio?: Stream<RecordedAudioHeader>;
}

/** A recorded session with its key, and the media datagrams that the host sent in it, in order. */
export interface RecordedSession {
  name: string;
  rikey: Uint8Array;
  rikeyid: number;
  video: RecordedMedia<RecordedVideoHeader>[];
  audio: RecordedMedia<RecordedAudioHeader>[];
}

/** One session of `media.json`: wolf10mbit, wolf20mbit, wolfAudioEncrypted or fakeHostEncrypted. */
export function readMediaSession(name: string): RecordedSession {
  const group = readCapture<Record<string, Group>>('media')[name];
  if (group === undefined) throw new RangeError('no such session in media.json');
  const fromHost = <Header extends RecordedHeader>(stream: Stream<Header> | undefined) =>
    (stream?.datagrams ?? []).filter(({ direction }) => direction === 'host->client');
  return {
    name,
    rikey: hex(group.rikey),
    rikeyid: group.rikeyid,
    video: fromHost(group.video),
    audio: fromHost(group.audio),
  };
}

/** The RTP fields that the recording's own decoder saw, in our words. */
export function rtpFieldsOf({ rtp }: RecordedHeader): Record<string, unknown> {
  const { byte0, marker, ...rest } = rtp;
  return { hasExtension: byte0 === '0x90', marker: marker === 1, ...rest };
}
