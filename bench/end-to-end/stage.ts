/**
 * All processes of the end-to-end bench, on loopback or on the three machines of a routed network, started and paired: one
 * host, one client, and an appliance per datapath.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { startAppliance, type Appliance } from '../appliance.ts';
import { nowNs, startChild, stopAll, type Child } from '../child.ts';
import { LOOPBACK } from '../socket.ts';
import { laneOf } from '../stage/lanes.ts';
import { createNetwork, inside, letForward } from '../stage/network.ts';
import type { ClientCommands } from './client.ts';
import type { HostCommands } from './host.ts';
import { summarizeStream, type Played, type Wire } from './rounds.ts';

const PIN = '1234';
const HOST_NAME = 'bench';
/** Each appliance has so many; below those that the system gives away. */
const PORT_BASE = 24_000;
const PORTS_EACH = 200;

/** Where the processes run: machines, or what stands for them. */
export interface Place {
  /** For people. */
  name: string;
  hostAddress: string;
  /** Of the appliances, as clients reach them. */
  applianceAddress: string;
  /** What a command must begin with to run on that machine. */
  prefix?: Record<'host' | 'appliance' | 'client', readonly string[]>;
  /** Idempotent; synchronous. */
  close?: () => void;
}

/** Everything on one address. */
export const ON_LOOPBACK: Place = { name: 'loopback', hostAddress: LOOPBACK, applianceAddress: LOOPBACK };

/**
 * A client and a host on links of their own to the edge, where the appliances are; the edge forwards what is not
 * for itself, so that the client reaches the host directly as well.
 *
 * @throws Error without root or iproute2
 */
export async function createRouted(): Promise<Place> {
  const lane = laneOf(1);
  const { pod, client, addLane, close } = await createNetwork();
  const edge = addLane(lane);
  letForward(edge);
  return {
    name: 'network namespaces',
    hostAddress: lane.pod,
    applianceAddress: lane.edgeToClient,
    prefix: { host: inside(pod), appliance: inside(edge), client: inside(client) },
    close,
  };
}

/** What is played, on every wire alike. */
export interface StagePlan {
  wires: readonly Wire[];
  bitrateKbps: number;
  /** Of one stream. */
  seconds: number;
  /** Not measured, at its begin. */
  warmMs: number;
}

type Play = (wire: Wire) => Promise<Played>;

/** Starts and pairs everything, and takes it down. @param use - is given how to play a stream */
export async function onStage<T>(place: Place, plan: StagePlan, use: (play: Play) => Promise<T>): Promise<T> {
  const file = (name: string): URL => new URL(`./${name}.ts`, import.meta.url);
  const { hostAddress, applianceAddress, prefix = { host: [], appliance: [], client: [] } } = place;
  const host = startChild<HostCommands>(file('host'), { prefix: prefix.host });
  const client = startChild<ClientCommands>(file('client'), { prefix: prefix.client });
  /** One for each wire but the direct one. */
  const appliances = new Map<Wire, Appliance>();
  try {
    const hostPort = await host.ask.start({ bindAddress: hostAddress, sessionsMax: plan.wires.length });
    for (const [index, wire] of plan.wires.entries()) {
      const pair = (address: string, httpPort: number): Promise<void> =>
        client.ask.pair(wire, PIN, { address, httpPort, bitrateKbps: plan.bitrateKbps });
      if (wire === 'direct') {
        await Promise.all([pair(hostAddress, hostPort), host.ask.enterPin(PIN)]);
        continue;
      }
      const appliance = startAppliance({
        host: { name: HOST_NAME, address: hostAddress, httpPort: hostPort },
        address: applianceAddress,
        portBase: PORT_BASE + index * PORTS_EACH,
        datapath: wire,
        prefix: prefix.appliance,
      });
      appliances.set(wire, appliance);
      await pairHost(host, appliance, wire);
      const { process, console, httpPort } = appliance;
      await Promise.all([pair(applianceAddress, httpPort), process.ask.typePin(console, PIN)]);
    }
    return await use((wire) => play(client, appliances.get(wire), { ...plan, wire }));
  } finally {
    await stopAll([client, host, ...[...appliances.values()].map(({ process }) => process)]);
    place.close?.();
  }
}

/** Tells the host the PIN that the appliance shows. @throws Error when the appliance forwards elsewhere */
async function pairHost(host: Child<HostCommands>, appliance: Appliance, wire: Wire): Promise<void> {
  const { ask } = appliance.process;
  const pins = await ask.awaitedPins(appliance.console);
  await host.ask.enterPin(pins[HOST_NAME] ?? '');
  const { engine } = await ask.datapath(appliance.console);
  if (engine !== wire) throw new Error(`The appliance forwards in ${engine}, not in ${wire}`);
}

async function play(
  client: Child<ClientCommands>,
  appliance: Appliance | undefined,
  { wire, seconds, warmMs }: StagePlan & { wire: Wire },
): Promise<Played> {
  const readCpu = async (): Promise<{ cpuUs: number; atUs: number }> => {
    const cpuUs = (await appliance?.process.ask.cpuUs()) ?? 0;
    return { cpuUs, atUs: nowNs() / 1000 };
  };
  // Once the stream is established, before its frames count: a look takes the appliance some milliseconds.
  const countRoutes = async (): Promise<number> => {
    await delay(warmMs);
    return (await appliance?.process.ask.datapath(appliance.console))?.kernelRoutes ?? 0;
  };
  const begin = await readCpu();
  const playing = client.ask.play(wire, seconds, warmMs);
  const [stream, kernelRoutes] = await Promise.all([playing, countRoutes()]);
  const end = await readCpu();
  if (stream.end !== 'stopped') throw new Error(`The stream on ${wire} ended: ${stream.end}`);
  const applianceCpuPercent = (100 * (end.cpuUs - begin.cpuUs)) / (end.atUs - begin.atUs);
  return { ...summarizeStream(stream), kernelRoutes, applianceCpuPercent };
}
