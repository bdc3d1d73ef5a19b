/** Wolf's events (WOLF.md 3), of which Gleipnir uses these; keys and secrets in them are dropped at once. */
import { z } from 'zod';
import { canonicalAddress } from '../../runtime/address.ts';
import type { ServerSentEvent } from './event-parser.ts';

const PREFIX = 'wolf::core::events::';

export type WolfEvent =
  /** A client asks to pair; its secret stands in /pair/pending. */
  | { type: 'PairSignal'; clientAddress: string; hostAddress: string }
  /** A game began: after /launch, not after /resume. `label` is the host part of its `sessionUrl0`. */
  | {
      type: 'StreamSession';
      sessionId: string;
      appId: string | undefined;
      label: string;
      clientAddress: string;
    }
  /** A client's control stream connected, or ended, or the game is over. The last may come twice. */
  | { type: 'ResumeStreamEvent' | 'PauseStreamEvent' | 'StopStreamEvent'; sessionId: string };

const Address = z.string().transform(canonicalAddress);
const PairSignal = z.object({ client_ip: Address, host_ip: Address });
const StreamSession = z.object({
  client_id: z.string(),
  app_id: z.string().nullish(),
  rtsp_fake_ip: z.string(),
  client_ip: Address,
});
const OfSession = z.object({ session_id: z.string() });

type Reader = (data: unknown) => WolfEvent | undefined;

const READERS = new Map<string, Reader>([
  [
    'PairSignal',
    (data) => {
      const { data: event } = PairSignal.safeParse(data);
      return event && { type: 'PairSignal', clientAddress: event.client_ip, hostAddress: event.host_ip };
    },
  ],
  [
    'StreamSession',
    (data) => {
      const { data: event } = StreamSession.safeParse(data);
      if (event === undefined) return undefined;
      const { client_id: sessionId, rtsp_fake_ip: label, client_ip: clientAddress } = event;
      return { type: 'StreamSession', sessionId, appId: event.app_id ?? undefined, label, clientAddress };
    },
  ],
  ['ResumeStreamEvent', readerOf('ResumeStreamEvent')],
  ['PauseStreamEvent', readerOf('PauseStreamEvent')],
  ['StopStreamEvent', readerOf('StopStreamEvent')],
]);

/**
 * @returns `undefined` for an event that Gleipnir does not use, such as those for every ping, and for one whose
 * data are not what they should be.
 */
export function parseWolfEvent({ name, data }: ServerSentEvent): WolfEvent | undefined {
  const reader = name.startsWith(PREFIX) ? READERS.get(name.slice(PREFIX.length)) : undefined;
  if (reader === undefined) return undefined;
  try {
    return reader(JSON.parse(data));
  } catch {
    return undefined;
  }
}

function readerOf(type: 'ResumeStreamEvent' | 'PauseStreamEvent' | 'StopStreamEvent'): Reader {
  return (data) => {
    const { data: event } = OfSession.safeParse(data);
    return event && { type, sessionId: event.session_id };
  };
}
