/**
 * Reads the PROXY header (version 2) that a relay or a balancer puts before a connection's bytes, and hands the
 * connection on as if it had come without.
 *
 * The header counts when it proves to be our relay's, fresh and not seen before, or when its sender is trusted; else
 * the connection's own source does. Whoever sends no whole header is served as who it is, or not at all: what begins
 * like a header and is none closes the connection.
 */
import type { Server, Socket } from 'node:net';
import {
  PROXY_PREFIX_BYTES,
  readProxyHeader,
  type ProxyHeader,
} from '../../core/protocol/proxy-protocol/header.ts';
import { checkProof, PROOF_AGE_MS_MAX } from '../../core/protocol/proxy-protocol/proof.ts';
import { canonicalAddress } from '../../core/runtime/address.ts';

/** From connect to the whole header, ms. */
const HEADER_TIMEOUT_MS = 2_000;
/** Connections whose header has not come yet; the listeners' own limits count those that have one. */
export const WAITING_MAX = 512;
/** Proofs that are remembered: as many connections as may come while one is fresh, and more. */
const PROOFS_MAX = 65_536;

/** Why a header did not count, or closed its connection. */
export type HeaderRefusal =
  'unproven' | 'forged' | 'stale' | 'replayed' | 'malformed' | 'timedOut' | 'tooMany';

/** Whom to believe. */
export interface ProxiedDeps {
  /** Of our relays' proofs: `deriveProofKey`. */
  proofKey: Uint8Array;
  /** Whether the word of this canonical address counts without proof: a balancer of the operator's. */
  isTrusted: (address: string) => boolean;
  /** Milliseconds since the epoch. */
  now: () => number;
  refused: (reason: HeaderRefusal) => void;
}

/** What a header that counts says: the client's address, and ours that it came in by; canonical. */
export interface SaidOrigin {
  source: string;
  local: string;
}

/** Makes `server` read headers first. Call it when every listener of its `connection` event is there. */
export function readHeadersOf(
  server: Server,
  deps: ProxiedDeps,
  note: (socket: Socket, origin: SaidOrigin) => void,
): void {
  const listeners = server.listeners('connection');
  const judge = createJudge(deps, note);
  let waiting = 0;
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    if (waiting >= WAITING_MAX) {
      deps.refused('tooMany');
      socket.destroy();
      return;
    }
    waiting += 1;
    const settled = (): void => {
      waiting -= 1;
    };
    readHeader(socket, { ...deps, settled }, (header) => {
      if (header !== undefined) judge(socket, header);
      for (const listener of listeners) listener.call(server, socket);
    });
  });
}

interface RawHeader {
  bytes: Uint8Array;
  header: ProxyHeader;
}

/** Calls `settled` once when it waits no more, and `proceed` once with the header, or without where the connection begins with something else. */
function readHeader(
  socket: Socket,
  { refused, settled }: Pick<ProxiedDeps, 'refused'> & { settled: () => void },
  proceed: (header: RawHeader | undefined) => void,
): void {
  let bytesWanted = PROXY_PREFIX_BYTES;

  let isSettled = false;
  const finish = (): void => {
    if (!isSettled) settled();
    isSettled = true;
    clearTimeout(timer);
    socket.off('readable', onReadable).off('end', close).off('error', close).off('close', finish);
  };
  const close = (): void => {
    finish();
    socket.destroy();
  };
  const refuse = (reason: HeaderRefusal): void => {
    refused(reason);
    close();
  };
  const timer = setTimeout(() => {
    refuse('timedOut');
  }, HEADER_TIMEOUT_MS);

  function onReadable(): void {
    const bytes = socket.read(bytesWanted) as Buffer | null;
    if (bytes === null) return;
    const reading = readProxyHeader(bytes);
    // Fewer bytes than wanted are all that a connection that has ended will ever say.
    const isCut = reading.kind === 'incomplete' && bytes.length < bytesWanted;
    if (reading.kind === 'malformed' || isCut) {
      refuse('malformed');
      return;
    }
    if (reading.kind === 'incomplete') {
      bytesWanted = reading.bytesWanted;
      socket.unshift(bytes);
      onReadable();
      return;
    }
    finish();
    if (reading.kind === 'absent') socket.unshift(bytes);
    proceed(reading.kind === 'header' ? { bytes, header: reading.header } : undefined);
  }
  socket.on('readable', onReadable).once('end', close).once('error', close).once('close', finish);
}

/** Notes the origin of a connection where its header counts. */
function createJudge(
  { proofKey, isTrusted, now, refused }: ProxiedDeps,
  note: (socket: Socket, origin: SaidOrigin) => void,
): (socket: Socket, raw: RawHeader) => void {
  const seen = new SeenProofs();
  return (socket, raw) => {
    const { connection } = raw.header;
    if (connection === undefined) return;
    const verdict = checkProof(raw, proofKey, now());
    const isGood = verdict.kind === 'good' && seen.add(verdict.mac, now());
    if (isGood || isTrusted(canonicalAddress(socket.remoteAddress ?? ''))) {
      const { source, destination } = connection;
      note(socket, {
        source: canonicalAddress(source.address),
        local: canonicalAddress(destination.address),
      });
      return;
    }
    refused(refusalOf(verdict.kind));
  };
}

function refusalOf(verdict: 'good' | 'none' | 'forged' | 'stale'): HeaderRefusal {
  if (verdict === 'good') return 'replayed';
  return verdict === 'none' ? 'unproven' : verdict;
}

/** Proofs that were taken while they are fresh. */
class SeenProofs {
  /** By proof, when it was taken, oldest first. At most PROOFS_MAX. */
  readonly #taken = new Map<string, number>();

  /** @returns `false` for one that was taken before, or when there is no room to remember it. */
  add(mac: string, now: number): boolean {
    for (const [old, takenAt] of this.#taken) {
      if (now - takenAt <= 2 * PROOF_AGE_MS_MAX) break;
      this.#taken.delete(old);
    }
    if (this.#taken.has(mac) || this.#taken.size >= PROOFS_MAX) return false;
    this.#taken.set(mac, now);
    return true;
  }
}
