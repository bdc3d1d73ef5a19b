/** Rows of the bench's sessions, as operator and proxy would write them: hosts and clients are on loopback. */
import type { Sealer } from '../core/runtime/seal.ts';
import type { LaunchRecord, SessionRecord, StreamRecord } from '../core/session/record.ts';
import type { SessionTable } from '../core/session/table.ts';

const ADDRESS = '127.0.0.1';
const RIKEY_SIZE = 16;

/** One session of the bench. */
export interface BenchSession {
  /** 0..0xffe */
  index: number;
  /** Upstream slot; hosts on one slot are told apart by their ports. */
  slot: number;
  /** Where its host sends video from. */
  hostVideoPort: number;
  /** Of the host, the client, and the relay towards the host. Default: loopback. */
  hostAddress?: string;
  clientAddress?: string;
  upstreamAddress?: string;
}

/** The ping payload that names session `index` at the relay: 16 printable ASCII characters. */
export function pingPayloadOf(index: number): string {
  return `bench-${index}`.padEnd(16, '.');
}

/** Puts the rows of one playing session into `table`. */
export async function putSession(table: SessionTable, sealer: Sealer, bench: BenchSession): Promise<void> {
  await table.writer('launch').put(launchOf(bench, sealer));
  await table.writer('session').put(sessionOf(bench, sealer));
  await table.writer('stream').put(streamOf(bench));
}

function idOf({ index }: BenchSession): string {
  return `bench-session-${index}`;
}

function launchOf(bench: BenchSession, sealer: Sealer): LaunchRecord {
  return {
    id: idOf(bench),
    generation: 1,
    verb: 'launch',
    appId: 1,
    parameters: {
      mode: '1920x1080x60',
      additionalStates: '1',
      sops: '1',
      localAudioPlayMode: '0',
      surroundAudioInfo: '196610',
      remoteControllersBitmap: '0',
      gcmap: '0',
    },
    rikey: sealer.seal(new Uint8Array(RIKEY_SIZE)),
    rikeyid: bench.index,
    corever: 1,
    clientAddress: bench.clientAddress ?? ADDRESS,
  };
}

function sessionOf(bench: BenchSession, sealer: Sealer): SessionRecord {
  const { index, slot, hostAddress: address = ADDRESS } = bench;
  return {
    id: idOf(bench),
    generation: 1,
    state: 'streaming',
    client: { address: bench.clientAddress ?? ADDRESS },
    keys: { rikey: sealer.seal(new Uint8Array(RIKEY_SIZE)), rikeyid: index },
    tokens: {
      pingPayload: pingPayloadOf(index),
      connectData: index + 1,
      rtspSession: `bench-rtsp-${index}`,
      rtspLabel: `bench-label-${index}`,
      peerId: index,
    },
    host: { name: 'bench', rtsp: { address, port: 48_010, label: address, encrypted: false } },
    upstream: { address: bench.upstreamAddress ?? ADDRESS, slot },
  };
}

function streamOf(bench: BenchSession): StreamRecord {
  const { hostVideoPort: port, hostAddress: address = ADDRESS } = bench;
  return {
    id: idOf(bench),
    generation: 1,
    hostSession: 'bench',
    video: { address, port, pingPayload: pingPayloadOf(bench.index) },
    encryptionEnabled: 0,
    isPlaying: true,
  };
}
