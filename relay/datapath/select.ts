/** Which datapath engine runs: what the configuration asks for, if this machine can. */
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { DatapathEngine } from './engine.ts';
import { KernelEngine } from './kernel/engine.ts';
import { loadLibc } from './kernel/libc.ts';
import { Network } from './kernel/network.ts';
import { unpin } from './kernel/pins.ts';
import { KernelProgram } from './kernel/program.ts';
import { UserspaceEngine, type UserspaceEngineDeps } from './userspace.ts';

/** `auto`: in the kernel where it can be, else in user space. `kernel`: there or not at all. */
export const DATAPATHS = ['auto', 'kernel', 'userspace'] as const;
export type Datapath = (typeof DATAPATHS)[number];

export interface DatapathOptions {
  datapath: Datapath;
  /** Devices that hosts' datagrams come in by; empty: every Ethernet device that is up. */
  datapathDevices: readonly string[];
  /** veth devices of this network namespace behind which clients are, whose other end is no bridge port. */
  datapathPeerDevices: readonly string[];
  /** Where in a bpffs the kernel's part outlives the process; empty: nowhere. */
  datapathPinFolder: string;
  /** Flows held at once. */
  flowsMax: number;
}

export type SelectDeps = UserspaceEngineDeps & { log: Logger };

const LEGS = 3;

/**
 * The engine for this machine; says in one log line which and why.
 *
 * @throws GleipnirError KERNEL_PATH_UNAVAILABLE if the kernel was asked for, and nothing else
 */
export function selectEngine(options: DatapathOptions, deps: SelectDeps): DatapathEngine {
  if (options.datapath === 'userspace') return createUserspaceEngine('configured', options, deps);
  try {
    return createKernelEngine(options, deps);
  } catch (error) {
    if (options.datapath === 'kernel' || !(error instanceof GleipnirError)) throw error;
    const facts = Object.entries(error.details).map(([name, value]) => `${name} ${String(value)}`);
    return createUserspaceEngine([error.message, ...facts].join(', '), options, deps);
  }
}

/** What an earlier process left in the kernel would forward on beside this engine, which knows nothing of it. */
function createUserspaceEngine(
  reason: string,
  { datapathPinFolder }: DatapathOptions,
  deps: SelectDeps,
): UserspaceEngine {
  deps.log.info({ engine: 'userspace', reason }, 'datapath engine chosen');
  try {
    if (datapathPinFolder !== '') unpin(datapathPinFolder);
  } catch (err) {
    deps.log.warn({ err }, 'what is pinned cannot be removed');
  }
  return new UserspaceEngine({ ...deps, reason });
}

function createKernelEngine(options: DatapathOptions, deps: SelectDeps): KernelEngine {
  const { datapathDevices, datapathPeerDevices, datapathPinFolder, flowsMax, datapath } = options;
  const libc = loadLibc();
  const program = new KernelProgram(libc, {
    devices: datapathDevices,
    entriesMax: flowsMax * LEGS,
    pinFolder: datapathPinFolder,
  });
  let network: Network | undefined;
  try {
    network = new Network(libc);
    const reason = datapath === 'kernel' ? 'configured' : 'this machine can';
    const monotonicNs = (): bigint => process.hrtime.bigint();
    const engine = new KernelEngine({
      ...deps,
      ...{ network, program, reason, monotonicNs, peerDevices: datapathPeerDevices },
    });
    const { devices } = engine;
    deps.log.info(
      { engine: 'kernel', reason, devices, isInherited: program.isInherited },
      'datapath engine chosen',
    );
    return engine;
  } catch (error) {
    network?.close();
    program.close();
    throw error;
  }
}
