/** The settings of the data path: `RELAY_DATAPATH*`, the same for the appliance and for a relay that runs apart. */
import { z } from 'zod';
import { List } from '../../core/runtime/part-settings.ts';
import { DATAPATHS, type Datapath } from './select.ts';

/** To be spread into the schema of a process. */
export const DATAPATH_VARIABLES = {
  RELAY_DATAPATH: z
    .enum(DATAPATHS)
    .default('auto')
    .describe(
      'Where established streams are forwarded. kernel: there or not at all; auto: there if this machine can.',
    ),
  RELAY_DATAPATH_DEVICES: List.describe(
    'Network devices that hosts are behind, for the kernel; by default every Ethernet device that is up.',
  ),
  RELAY_DATAPATH_PEER_DEVICES: List.describe(
    'veth devices that clients are behind, directly and not by a bridge: the kernel then skips one more step.',
  ),
  RELAY_DATAPATH_PIN_FOLDER: z
    .string()
    .optional()
    .transform((folder = '') => folder)
    .describe(
      'Folder in a bpffs, such as /sys/fs/bpf/gleipnir, for one relay: the kernel forwards on while it restarts.',
    ),
};

interface DatapathSettings {
  datapath: Datapath;
  datapathDevices: string[];
  datapathPeerDevices: string[];
  datapathPinFolder: string;
}

/** As `RelayConfig` has them. */
export function datapathOf(env: z.output<z.ZodObject<typeof DATAPATH_VARIABLES>>): DatapathSettings {
  return {
    datapath: env.RELAY_DATAPATH,
    datapathDevices: env.RELAY_DATAPATH_DEVICES,
    datapathPeerDevices: env.RELAY_DATAPATH_PEER_DEVICES,
    datapathPinFolder: env.RELAY_DATAPATH_PIN_FOLDER,
  };
}
