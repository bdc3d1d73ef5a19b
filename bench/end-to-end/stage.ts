/** All processes of the end-to-end bench, started and paired: one host, one client, and an appliance per datapath. */
import { rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { nowNs, startChild, type Child } from '../child.ts';
import type { ClientCommands } from './client.ts';
import type { HostCommands } from './host.ts';
import type { Place } from './place.ts';
import type { ProbeCommands } from './probe.ts';
import { summarizeStream, type Played, type Wire } from './rounds.ts';

const PIN = '1234';
const HOST_NAME = 'bench';
/** Each appliance has a hundred ports, then as many for its slots; below those that the system gives away. */
const PORT_BASE = 24_000;
const PORTS_EACH = 200;
const PORTS = ['HTTP', 'HTTPS', 'RTSP', 'CONTROL', 'VIDEO', 'AUDIO', 'WEB'] as const;

/** What is played, on every wire alike. */
export interface StagePlan {
  wires: readonly Wire[];
  bitrateKbps: number;
  /** Of one stream. */
  seconds: number;
  /** Not measured, at its begin. */
  warmMs: number;
}

/** Ready to play. */
export interface Stage {
  play: (wire: Wire) => Promise<Played>;
  /** Ends all processes. */
  stop: () => Promise<void>;
}

interface Appliance {
  process: Child<ProbeCommands>;
  httpPort: number;
  console: string;
}

interface Ending {
  stop: () => Promise<void>;
}

/** Every process, as long as it runs. */
class Processes implements Stage {
  readonly #place: Place;
  readonly #plan: StagePlan;
  readonly #directory: string;
  readonly #host: Child<HostCommands>;
  readonly #client: Child<ClientCommands>;
  readonly #appliances = new Map<Wire, Appliance>();

  constructor(place: Place, plan: StagePlan, directory: string) {
    this.#place = place;
    this.#plan = plan;
    this.#directory = directory;
    this.#host = startChild(new URL('./host.ts', import.meta.url), { prefix: place.prefix.host });
    this.#client = startChild(new URL('./client.ts', import.meta.url), {
      prefix: place.prefix.client,
    });
  }

  async pairAll(): Promise<void> {
    const { hostAddress: bindAddress } = this.#place;
    const { wires } = this.#plan;
    const hostPort = await this.#host.ask('start', { bindAddress, sessionsMax: wires.length });
    for (const [index, wire] of wires.entries()) {
      if (wire === 'direct') await this.#pairDirectly(hostPort);
      else await this.#pairThrough(await this.#startAppliance(wire, index, hostPort), wire);
    }
  }

  play = async (wire: Wire): Promise<Played> => {
    const { seconds, warmMs } = this.#plan;
    const begin = await this.#readAppliance(wire);
    const playing = this.#client.ask('play', { wire, seconds, warmMs });
    const [stream, kernelRoutes] = await Promise.all([playing, this.#countKernelRoutes(wire)]);
    const end = await this.#readAppliance(wire);
    if (stream.end !== 'stopped') throw new Error(`The stream on ${wire} ended: ${stream.end}`);
    return {
      ...summarizeStream(stream),
      kernelRoutes,
      applianceCpuPercent: (100 * (end.cpuUs - begin.cpuUs)) / (end.atUs - begin.atUs),
    };
  };

  stop = async (): Promise<void> => {
    const appliances = [...this.#appliances.values()].map(({ process }) => process);
    await Promise.all([this.#client, this.#host, ...appliances].map((child: Ending) => child.stop()));
    await rm(this.#directory, { recursive: true, force: true });
  };

  async #pairDirectly(httpPort: number): Promise<void> {
    const order = { wire: 'direct', address: this.#place.hostAddress, httpPort, pin: PIN };
    const { bitrateKbps } = this.#plan;
    await Promise.all([this.#client.ask('pair', { ...order, bitrateKbps }), this.#host.ask('enterPin', PIN)]);
  }

  /** An appliance with the host, which has been told the PIN that the appliance shows. */
  async #startAppliance(wire: Wire, index: number, hostPort: number): Promise<Appliance> {
    const { hostAddress, applianceAddress } = this.#place;
    const base = PORT_BASE + index * PORTS_EACH;
    const directory = join(this.#directory, wire);
    const hostsFile = `${directory}.yaml`;
    await writeFile(
      hostsFile,
      `hosts:\n  - {name: ${HOST_NAME}, address: ${hostAddress}, httpPort: ${hostPort}}\n`,
    );
    const ports = PORTS.map((name, offset) => [`APPLIANCE_${name}_PORT`, String(base + offset)]);
    const options = {
      prefix: this.#place.prefix.appliance,
      execArgv: ['--import', new URL('./probe.ts', import.meta.url).href],
      env: {
        ...(Object.fromEntries(ports) as Record<string, string>),
        APPLIANCE_BIND_ADDRESS: applianceAddress,
        APPLIANCE_UPSTREAM_PORT_BASE: String(base + PORTS_EACH / 2),
        APPLIANCE_DATA_DIR: directory,
        APPLIANCE_HOSTS_FILE: hostsFile,
        RELAY_DATAPATH: wire,
        RELAY_DATAPATH_PIN_FOLDER: '',
        LOG_LEVEL: 'fatal',
      },
    };
    const process = startChild<ProbeCommands>(new URL('../../appliance/main.ts', import.meta.url), options);
    const console = `http://127.0.0.1:${base + PORTS.indexOf('WEB')}/`;
    const appliance = { process, httpPort: base + PORTS.indexOf('HTTP'), console };
    this.#appliances.set(wire, appliance);
    const pins = await process.ask('awaitedPins', console);
    await this.#host.ask('enterPin', pins[HOST_NAME] ?? '');
    const { engine } = await process.ask('datapath', console);
    if (engine !== wire) throw new Error(`The appliance forwards in ${engine}, not in ${wire}`);
    return appliance;
  }

  async #pairThrough({ process, httpPort, console: url }: Appliance, wire: Wire): Promise<void> {
    const { bitrateKbps } = this.#plan;
    const order = { wire, address: this.#place.applianceAddress, httpPort, pin: PIN, bitrateKbps };
    await Promise.all([this.#client.ask('pair', order), process.ask('typePin', { url, pin: PIN })]);
  }

  /** Once the stream is established, before its frames count: a look takes the appliance some milliseconds. */
  async #countKernelRoutes(wire: Wire): Promise<number> {
    const appliance = this.#appliances.get(wire);
    if (appliance === undefined) return 0;
    await delay(this.#plan.warmMs);
    return (await appliance.process.ask('datapath', appliance.console)).kernelRoutes;
  }

  async #readAppliance(wire: Wire): Promise<{ cpuUs: number; atUs: number }> {
    const cpuUs = (await this.#appliances.get(wire)?.process.ask('cpuUs', undefined)) ?? 0;
    return { cpuUs, atUs: nowNs() / 1000 };
  }
}

/** Starts and pairs everything. Files go away however this process ends, short of SIGKILL; children end with it. */
export async function openStage(place: Place, plan: StagePlan): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), 'gleipnir-bench-'));
  process.once('exit', () => {
    rmSync(directory, { recursive: true, force: true });
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const processes = new Processes(place, plan, directory);
  try {
    await processes.pairAll();
    return processes;
  } catch (error) {
    await processes.stop();
    throw error;
  }
}
