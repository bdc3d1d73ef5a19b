/** The tokens a session's next generation is known by: random, and unique among the live ones by construction. */
import { randomBytes, randomInt } from 'node:crypto';
import type { SessionRecord } from '../../core/session/record.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const PING_PAYLOAD_LENGTH = 16;
const TOKEN_BYTES = 8;
/** Labels are 0..0xffe: 0xfff means "no peer yet" in ENet. */
const PEER_IDS = 0xfff;

export type SessionTokens = SessionRecord['tokens'];

/** Mints tokens; `live` are the rows whose tokens must not be repeated. @returns `undefined` when no peer id is left. */
export function mintTokens(live: readonly SessionRecord[]): SessionTokens | undefined {
  const peerId = pickPeerId(new Set(live.map(({ tokens }) => tokens.peerId)));
  if (peerId === undefined) return undefined;
  const taken = new Set(live.map(({ tokens }) => tokens.connectData));
  let connectData = randomU32();
  while (taken.has(connectData)) connectData = randomU32();
  return {
    pingPayload: Array.from({ length: PING_PAYLOAD_LENGTH }, () =>
      ALPHABET.charAt(randomInt(ALPHABET.length)),
    ).join(''),
    connectData,
    rtspSession: randomBytes(TOKEN_BYTES).toString('hex').toUpperCase(),
    rtspLabel: `gleipnir-${randomBytes(TOKEN_BYTES).toString('hex')}`,
    peerId,
  };
}

/** Not 0: a client whose X-SS-Connect-Data was lost says 0. */
function randomU32(): number {
  return randomBytes(4).readUInt32BE() || 1;
}

/** A free id, searched from a random one, so that an id that was just given back rests. */
function pickPeerId(taken: ReadonlySet<number>): number | undefined {
  if (taken.size >= PEER_IDS) return undefined;
  let peerId = randomInt(PEER_IDS);
  while (taken.has(peerId)) peerId = (peerId + 1) % PEER_IDS;
  return peerId;
}
