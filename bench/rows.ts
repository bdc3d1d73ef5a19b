/** Rows of the bench's sessions, as operator and proxy would write them: hosts and clients are on loopback. */
import type { Sealer } from '../core/runtime/seal.ts';
import type { SessionTable } from '../core/session/table.ts';
import { LOOPBACK } from './socket.ts';

const RIKEY = new Uint8Array(16);

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
  const { index, slot, hostVideoPort, hostAddress = LOOPBACK, clientAddress = LOOPBACK } = bench;
  const row = { id: `bench-session-${index}`, generation: 1 };
  const pingPayload = pingPayloadOf(index);
  const rtsp = { address: hostAddress, port: 48_010, label: hostAddress, encrypted: false };
  await table.writer('launch').put({
    ...row,
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
    rikey: sealer.seal(RIKEY),
    rikeyid: index,
    corever: 1,
    clientAddress,
  });
  await table.writer('session').put({
    ...row,
    state: 'streaming',
    client: { address: clientAddress },
    keys: { rikey: sealer.seal(RIKEY), rikeyid: index },
    tokens: {
      pingPayload,
      connectData: index + 1,
      rtspSession: `bench-rtsp-${index}`,
      rtspLabel: `bench-label-${index}`,
      peerId: index,
    },
    host: { name: 'bench', rtsp },
    upstream: { address: bench.upstreamAddress ?? LOOPBACK, slot },
  });
  await table.writer('stream').put({
    ...row,
    hostSession: 'bench',
    video: { address: hostAddress, port: hostVideoPort, pingPayload },
    encryptionEnabled: 0,
    isPlaying: true,
  });
}
