/** Shapes of `test/captures/enet.json`, as far as tests read them, and all its datagrams in one list. */
import { readCapture } from './captures.ts';

/** A command as the recording's own decoder saw it. */
export interface RecordedCommand {
  command: string;
  channel: number;
  reliableSequenceNumber: number;
  wantsAck: boolean;
  unsequenced: boolean;
  offset: number;
  payloadHex?: string;
  connectIdHex?: string;
  receivedReliableSequenceNumber?: number;
  receivedSentTime?: number;
  outgoingPeerId?: number;
  incomingSessionId?: number;
  outgoingSessionId?: number;
  data?: number;
}

/** One control datagram. */
export interface RecordedDatagram {
  n: number;
  direction: 'client->host' | 'host->client';
  hex: string;
  enet: { peerId: number; sessionId: number; sentTime: number | null; commands: RecordedCommand[] };
}

/** One encrypted control message and what is in it. */
export interface RecordedMessage {
  direction: 'client->host' | 'host->client';
  messageHex: string;
  seq: number;
  type: string;
  payloadHex: string;
  rikey?: string;
}

interface Group {
  rikey?: string;
  controlVersion?: number;
  first60?: RecordedDatagram[];
  first20?: RecordedDatagram[];
  datagrams?: RecordedDatagram[];
  decryptedClientToHost?: RecordedMessage[];
  messages?: RecordedMessage[];
}

/** A recorded stream: its name in the file, key, control version, datagrams and decrypted messages. */
export interface RecordedStream {
  name: string;
  rikey: string;
  version: 'v1' | 'v2';
  datagrams: RecordedDatagram[];
  messages: RecordedMessage[];
}

/** Every stream of `enet.json`. */
export function readEnetStreams(): RecordedStream[] {
  const groups = Object.entries(readCapture<Record<string, Group | string>>('enet'));
  return groups.flatMap(([name, group]) => {
    if (typeof group === 'string') return [];
    const datagrams = group.first60 ?? group.first20 ?? group.datagrams ?? [];
    const messages = group.decryptedClientToHost ?? group.messages ?? [];
    if (datagrams.length === 0 && messages.length === 0) return [];
    return [
      {
        name,
        rikey: group.rikey ?? '',
        version: group.controlVersion === 2 ? 'v2' : 'v1',
        datagrams,
        messages,
      },
    ];
  });
}
