/** Every forged move that a stranger can make who has read all datagrams of a session, and what each may be dropped for. */
import { randomBytes, randomInt } from 'node:crypto';
import { isConnect } from '../../core/protocol/enet/connect.ts';
import { readPeerID, readSessionID } from '../../core/protocol/enet/header.ts';
import type { DropReason } from '../../relay/counts/counters.ts';
import {
  forgeBareCommand,
  forgeConnect,
  forgeControl,
  forgeMessage,
  forgePing,
  type Label,
} from './forger.ts';
import type { StreamName, Tap } from './tap.ts';

/** Of each kind that repeats itself, and of the others. */
const MANY = 700;
const SOME = 100;

/** One kind of forgery. */
export interface Forgery {
  what: string;
  datagrams: Uint8Array[];
  port: number;
  /** Why the relay may drop it; every one of them is dropped. */
  reasons: DropReason[];
}

/** What the stranger knows: what passed on the way of the session attacked, and of another one. */
export interface Knowledge {
  tap: Tap;
  other: Tap;
  ports: Readonly<Record<StreamName, number>>;
  /** Of the relay towards the host, which nobody but the host should know. */
  upstreamPorts: readonly number[];
}

/** More than 10 000 forged datagrams in all. */
export function makeForgeries(known: Knowledge): Forgery[] {
  return [
    ...mediaForgeries(known, 'video'),
    ...mediaForgeries(known, 'audio'),
    ...controlForgeries(known),
    ...connectForgeries(known),
    ...known.upstreamPorts.map((port) => ({
      what: 'noise at an upstream port',
      datagrams: times(SOME, () => randomBytes(randomInt(1, 1_400))),
      port,
      reasons: ['foreignHost'] satisfies DropReason[],
    })),
  ];
}

function mediaForgeries({ tap, ports }: Knowledge, stream: 'video' | 'audio'): Forgery[] {
  const genuine = [...tap.sent[stream]];
  const payload = payloadOf(genuine);
  const otherPayload = payloadOf(tap.sent[stream === 'video' ? 'audio' : 'video']);
  const kinds: Omit<Forgery, 'port'>[] = [
    { what: 'replayed', datagrams: repeat(genuine, MANY), reasons: ['replayedPing'] },
    {
      what: 'of the other stream, with counters ahead',
      datagrams: times(SOME, (index) => forgePing(otherPayload, genuine.length + 1 + index)),
      reasons: ['unknownPing'],
    },
    {
      what: 'with a counter of the past',
      datagrams: times(MANY, () => forgePing(payload, randomInt(genuine.length + 1))),
      reasons: ['replayedPing'],
    },
    {
      what: 'with a guessed payload',
      datagrams: times(MANY, (index) => forgePing(randomPayload(), index + 1)),
      reasons: ['unknownPing'],
    },
    {
      what: 'with nearly the payload',
      datagrams: times(MANY, (index) => forgePing(`${payload.slice(0, 15)}\x7f`, index + 1)),
      reasons: ['unknownPing'],
    },
    {
      what: 'old and odd',
      datagrams: times(SOME, (index) => (index % 2 === 0 ? Buffer.from('PING') : randomBytes(index * 13))),
      reasons: ['legacyPing', 'malformed', 'unknownPing'],
    },
  ];
  return kinds.map((kind) => ({ ...kind, what: `${stream} pings ${kind.what}`, port: ports[stream] }));
}

function controlForgeries({ tap, other, ports }: Knowledge): Forgery[] {
  const [label, otherLabel] = [labelOf(tap), labelOf(other)];
  const genuine = tap.sent.control.filter((datagram) => !isConnect(datagram));
  const bodies = genuine.map((datagram) => datagram.subarray(2));
  const fromHost = tap.received.map((datagram) => datagram.subarray(2));
  const commands = ['acknowledge', 'ping', 'disconnect'] as const;
  const unproven: DropReason[] = ['notAuthentic', 'tagLimited'];
  const kinds: Omit<Forgery, 'port'>[] = [
    { what: 'genuine datagrams, replayed', datagrams: repeat(genuine, MANY), reasons: ['notAuthentic'] },
    {
      what: 'the same under another session’s label',
      datagrams: repeat(bodies, MANY).map((body) => forgeControl(otherLabel, body)),
      reasons: ['malformed', ...unproven],
    },
    {
      what: 'the host’s datagrams, turned round',
      datagrams: repeat(fromHost, MANY).map((body) => forgeControl(label, body)),
      reasons: ['malformed', ...unproven],
    },
    {
      what: 'messages that claim a new seq',
      datagrams: times(MANY, (index) => forgeMessage(label, genuine.length * 2 + index)),
      reasons: unproven,
    },
    {
      what: 'messages that claim to be from far ahead',
      datagrams: times(SOME, (index) => forgeMessage(label, 1_000_000 + index)),
      reasons: ['notAuthentic'],
    },
    {
      what: 'noise under the label',
      datagrams: times(MANY, () => forgeControl(label, randomBytes(randomInt(60)))),
      reasons: ['malformed', ...unproven],
    },
    {
      what: 'bare commands under the label',
      datagrams: commands.flatMap((command) =>
        times(MANY / 2, (index) => forgeBareCommand({ ...label, sessionID: index % 4 }, command)),
      ),
      reasons: ['notAuthentic', 'unknownLabel'],
    },
    {
      what: 'nothing, under every label',
      datagrams: times(MANY, (peerID) => forgeControl({ peerID, sessionID: peerID % 4 }, new Uint8Array())),
      reasons: ['unknownLabel', 'malformed'],
    },
  ];
  return kinds.map((kind) => ({ ...kind, port: ports.control }));
}

function connectForgeries({ tap, ports: { control: port } }: Knowledge): Forgery[] {
  const genuine = tap.sent.control.filter(isConnect);
  const [first = new Uint8Array(52)] = genuine;
  const any = (): number => randomInt(2 ** 32);
  return [
    { what: 'CONNECT replayed', datagrams: repeat(genuine, SOME), port, reasons: ['connectReused'] },
    {
      what: 'CONNECT with another connectID',
      datagrams: times(MANY, () => forgeConnect(first, 'connectID', any())),
      port,
      reasons: ['connectReused'],
    },
    {
      what: 'CONNECT with guessed data',
      datagrams: times(MANY, () => forgeConnect(first, 'data', any())),
      port,
      reasons: ['unknownConnect', 'connectLimited'],
    },
  ];
}

function payloadOf([ping = new Uint8Array()]: readonly Uint8Array[]): string {
  return Buffer.from(ping).toString('latin1', 0, 16);
}

function labelOf({ sent }: Tap): Label {
  const datagram = sent.control.at(-1) ?? new Uint8Array(2);
  return { peerID: readPeerID(datagram), sessionID: readSessionID(datagram) };
}

function times(count: number, make: (index: number) => Uint8Array): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function repeat(datagrams: readonly Uint8Array[], count: number): Uint8Array[] {
  return times(count, (index) => datagrams[index % datagrams.length] ?? new Uint8Array());
}

function randomPayload(): string {
  return String.fromCharCode(...Array.from({ length: 16 }, () => randomInt(0x21, 0x7f)));
}
