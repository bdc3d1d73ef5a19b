/** The appliance in a process of its own, with a probe inside: a person at its console, and what it needs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProbeCommands } from './appliance-probe.ts';
import { startChild, type Child, type ChildOptions } from './child.ts';
import { atExit, nameOf } from './stage/leftovers.ts';

const PORTS = ['HTTP', 'HTTPS', 'RTSP', 'CONTROL', 'VIDEO', 'AUDIO', 'WEB'] as const;
/** Slots have theirs so far above the first port. */
const SLOTS_AFTER = 100;

export interface ApplianceOptions extends Pick<ChildOptions, 'prefix' | 'execArgv'> {
  /** The one host: without any, the demo host would run in the same process. */
  host: { name: string; address: string; httpPort: number };
  address: string;
  /** It has the next 200 ports; 0: any. */
  portBase: number;
  datapath: string;
}

/** One that was started; where `portBase` is 0, nobody knows its ports. */
export interface Appliance {
  process: Child<ProbeCommands>;
  httpPort: number;
  console: string;
}

/** Its files go away as this process ends. */
export function startAppliance(options: ApplianceOptions): Appliance {
  const { host, address, portBase, datapath, prefix = [], execArgv = [] } = options;
  const directory = mkdtempSync(join(tmpdir(), nameOf('')));
  atExit(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const hostsFile = join(directory, 'hosts.yaml');
  writeFileSync(hostsFile, JSON.stringify({ hosts: [host] }));
  const portOf = (name: (typeof PORTS)[number]): number =>
    portBase === 0 ? 0 : portBase + PORTS.indexOf(name);
  const process = startChild<ProbeCommands>(new URL('../appliance/main.ts', import.meta.url), {
    prefix,
    execArgv: [...execArgv, '--import', new URL('./appliance-probe.ts', import.meta.url).href],
    env: {
      ...Object.fromEntries(PORTS.map((name) => [`APPLIANCE_${name}_PORT`, String(portOf(name))])),
      APPLIANCE_BIND_ADDRESS: address,
      APPLIANCE_UPSTREAM_PORT_BASE: String(portBase === 0 ? 0 : portBase + SLOTS_AFTER),
      APPLIANCE_DATA_DIR: join(directory, 'data'),
      APPLIANCE_HOSTS_FILE: hostsFile,
      RELAY_DATAPATH: datapath,
      RELAY_DATAPATH_PIN_FOLDER: '',
      LOG_LEVEL: 'fatal',
    },
  });
  return { process, httpPort: portOf('HTTP'), console: `http://127.0.0.1:${portOf('WEB')}/` };
}
