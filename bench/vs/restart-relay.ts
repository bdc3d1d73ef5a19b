/** The relay of the restart bench, in a process of its own that may be killed: its table is in files, its datapath is pinned. */
import { Registry } from 'prom-client';
import { createLogger } from '../../core/runtime/log.ts';
import { createSealer } from '../../core/runtime/seal.ts';
import { createStoredTable } from '../../core/session/stored.ts';
import { createRelay, type Relay, type RelayStats } from '../../relay/relay.ts';
import { serve } from '../child.ts';
import { putSession } from '../rows.ts';
import { EDGE_PORT_BASE } from './candidates/candidate.ts';
import type { Lane } from './lanes.ts';

/** So that the next process opens the keys that this one sealed. */
const DEPLOYMENT_KEY = Buffer.alloc(32, 1);

/** Where a relay finds what the one before it left. */
export interface RestartOpening {
  lane: Lane;
  tableFolder: string;
  pinFolder: string;
  ports: Record<'controlPort' | 'videoPort' | 'audioPort', number>;
  /** UDP ports of the hosts; empty where the table knows the sessions already. */
  hostPorts: readonly number[];
}

/** What the relay of the restart bench can be asked. */
export type RestartCommands = typeof commands;

let relay: Relay | undefined;

const commands = {
  open: async ({ lane, tableFolder, pinFolder, ports, hostPorts }: RestartOpening): Promise<void> => {
    const log = createLogger('warn', process.stderr);
    const sealer = createSealer(DEPLOYMENT_KEY);
    const table = await createStoredTable({ directory: tableFolder, log });
    relay = createRelay({
      name: 'local',
      config: {
        bindAddress: lane.edgeToClient,
        ...ports,
        upstreamPortBase: EDGE_PORT_BASE,
        slotsMax: 1,
        allowLoopback: false,
        datapath: 'kernel',
        datapathPinFolder: pinFolder,
      },
      table: table.reader,
      flows: table.writer('flow'),
      sealer,
      log,
      register: new Registry(),
    });
    await relay.start();
    for (const [index, hostVideoPort] of hostPorts.entries()) {
      await putSession(table, sealer, {
        index,
        slot: 0,
        hostVideoPort,
        hostAddress: lane.pod,
        upstreamAddress: lane.edgeToPod,
        clientAddress: lane.clients[index] ?? '',
      });
    }
  },
  stats: (): RelayStats | undefined => relay?.stats(),
};

serve(commands);
