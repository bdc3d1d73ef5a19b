/** What the history remembers: who paired, who played what and how well, and why it ended. */
import { z } from 'zod';

/**
 * paired, pairingFailed: a client that asked to; removed: a client that may play no more; started, resumed: a game with
 * its player; left: a player who may come back; ended: a game; refused: a game that never came to its player.
 */
export const HISTORY_KINDS = [
  'paired',
  'pairingFailed',
  'removed',
  'started',
  'resumed',
  'left',
  'ended',
  'refused',
] as const;
export type HistoryKind = (typeof HISTORY_KINDS)[number];

/** Characters kept of a name, a title or a reason: more than any of them needs. */
const TEXT_MAX = 300;
const Text = z.string().transform((text) => text.slice(0, TEXT_MAX));
const Figure = z.number().nonnegative();

/** How one or more plays were; what they can be summed up from. */
export const PlayQuality = z.object({
  /** How long media was watched, s; the means below are over this time. */
  streamedS: Figure,
  bitrateBps: Figure,
  jitterMs: Figure,
  /** Absent where the relay never knew it. */
  rttMs: Figure.optional(),
  /** RTP datagrams of video that did not come from the host, and those that did. */
  videoLost: Figure,
  videoDatagrams: Figure,
  /** The client's reports of video that it could not repair. */
  fecReports: Figure,
});
export type PlayQuality = z.output<typeof PlayQuality>;

export const HistoryEvent = z.object({
  /** The same whoever records the event, so that it is kept once: what it is about, the generation, what happened. */
  id: z.string().min(1).max(400),
  /** RFC 3339, UTC. */
  at: z.iso.datetime(),
  kind: z.enum(HISTORY_KINDS),
  sessionId: z.string().max(64).optional(),
  /** Absent for a client that is a person of its own. */
  person: Text.optional(),
  client: Text.optional(),
  app: Text.optional(),
  host: Text.optional(),
  /** Of a client that asked to pair. */
  address: z.string().max(64).optional(),
  /** In words. */
  reason: Text.optional(),
  /** Of an ended game: when it was launched, RFC 3339. */
  since: z.iso.datetime().optional(),
  /** Of the play that was left, or of all plays of the game that ended. */
  quality: PlayQuality.optional(),
});
export type HistoryEvent = z.output<typeof HistoryEvent>;
