/** Plain counters of the data path: an increment costs about a nanosecond. metrics.ts reads them when scraped. */

/** The three UDP streams of a session. */
export const STREAMS = ['control', 'video', 'audio'] as const;
export type StreamKind = (typeof STREAMS)[number];

/** Why a datagram went nowhere. */
export const DROP_REASONS = [
  /** Too short or longer than `DATAGRAM_SIZE_MAX`, or from port 0. */
  'badSize',
  /** Not what this port takes: no ENet commands, no ping. */
  'malformed',
  /** `PING` without payload: every session is told one, so nothing says whose it is. */
  'legacyPing',
  'unknownPing',
  /** A known payload with a counter that is not new. */
  'replayedPing',
  'unknownConnect',
  /** A source that tried too many wrong connect data. */
  'connectLimited',
  /** Known connect data with another connectID, or from another address. */
  'connectReused',
  /** A control datagram that names no live flow. */
  'unknownLabel',
  /** A control datagram from a new address without a fresh message that opens. */
  'notAuthentic',
  /** As `notAuthentic`, but not even tried. */
  'tagLimited',
  /** An authentic datagram from a new address, too soon after the last moves. */
  'moveLimited',
  /** From a host address or port that no flow of this slot has. */
  'foreignHost',
  /** A VERIFY_CONNECT that answers another CONNECT. */
  'foreignVerifyConnect',
  /** From a host before the client said where it is. */
  'beforeClient',
  /** The generation is over. */
  'ended',
  /** No socket, or its send queue is full. */
  'notSent',
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** What was sent on one stream in one direction. */
export interface Traffic {
  datagrams: number;
  /** Of UDP payload. */
  bytes: number;
}

export interface Counters {
  toClient: Record<StreamKind, Traffic>;
  toHost: Record<StreamKind, Traffic>;
  dropped: Record<DropReason, number>;
  /** Client addresses that moved. */
  roams: Record<StreamKind, number>;
  /** Streams that froze. */
  frozen: number;
}

/** All zero. */
export function createCounters(): Counters {
  const traffic = (): Traffic => ({ datagrams: 0, bytes: 0 });
  return {
    toClient: { control: traffic(), video: traffic(), audio: traffic() },
    toHost: { control: traffic(), video: traffic(), audio: traffic() },
    dropped: Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>,
    roams: { control: 0, video: 0, audio: 0 },
    frozen: 0,
  };
}
