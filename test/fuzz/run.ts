/**
 * The fuzz: throws inputs at all six ports and the page of an appliance in a process of its own, while a client plays
 * there, and finds out whether that process lives, answers strangers no more than they say, and stays the same size.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createClientCertificate } from '../../core/identity/certificate.ts';
import { readCorpus, type Corpus } from './corpus.ts';
import { Inputs } from './inputs.ts';
import { measureGrowth, type MemoryGrowth, type MemorySample } from './memory.ts';
import { Random } from './random.ts';
import { createTraffic, UdpStrangers, visit, type Traffic } from './strangers.ts';
import { TargetProcess } from './target-process.ts';
import type { Answer } from './target.ts';

/** Ports, and their share of the inputs. */
const SHARES = {
  control: 0.4,
  video: 0.225,
  audio: 0.225,
  rtsp: 0.08,
  http: 0.04,
  https: 0.015,
  web: 0.015,
} as const;
type PortName = keyof typeof SHARES;
const PORT_NAMES = Object.keys(SHARES) as PortName[];
const UDP = ['control', 'video', 'audio'] as const;
const TCP = ['rtsp', 'http', 'https', 'web'] as const;

/** Connections per second, below what the appliance grants to all strangers together. */
const VISITS_PER_SECOND = { rtsp: 350, http: 130, https: 130, web: 130 } as const;
/** Requests of one HTTP connection. */
const PIPELINED_MAX = 3;
const VISITS_AT_ONCE = 64;
const UDP_STRANGERS = 16;
/** To each UDP port before the next look at how many came through; less than a socket's buffer holds. */
const ROUND = 40;
/** Datagrams that do not show up in so many looks were lost on the way. */
const LOOKS = 4;
const LOOK_MS = 5;
/** UDP and TCP keep in step to this share of the run. */
const LEAD_MAX = 0.02;
const SAMPLES = 40;
/** What memory may grow after the warm-up. */
const RSS_GROWTH_MIB_MAX = 64;
const HEAP_GROWTH_MIB_MAX = 16;

export interface FuzzOptions {
  /** Inputs in all. */
  count: number;
  /** 32 bits; the same seed makes the same inputs. */
  seed: number;
  onProgress?: (inputs: number) => void;
}

export interface FuzzReport {
  seed: number;
  inputs: number;
  durationMs: number;
  ports: Record<PortName, Traffic>;
  /** Of UDP, on the way to the appliance. */
  datagramsLost: number;
  /** By the relay, by reason. */
  dropped: Record<string, number>;
  /** Most that an RTSP connection was answered, by what it said. */
  rtspAmplification: number;
  memory: MemoryGrowth;
  /** Of the client that played all the time. */
  frames: number;
  framesLost: number;
  /** What is wrong; empty when all is well. */
  problems: string[];
}

/** @throws Error when the appliance's process ended, with what it printed last. */
export async function runFuzz({ count, seed, onProgress }: FuzzOptions): Promise<FuzzReport> {
  const target = new TargetProcess();
  const strangers = new UdpStrangers();
  try {
    const { ports, labels } = await target.ready();
    await strangers.open(UDP_STRANGERS);
    const startedAtMs = performance.now();
    const corpus: Corpus = readCorpus();
    const run = new Run({ target, strangers, ports, count, onProgress });
    const inputsOf = (index: number): Inputs => {
      const random = new Random(seed + index);
      return new Inputs({ random, corpus, labels, webHost: `127.0.0.1:${ports.web}` });
    };
    await run.all(inputsOf, (index) => new Random(seed + PORT_NAMES.length + index));
    const durationMs = Math.round(performance.now() - startedAtMs);
    return run.report({ seed, durationMs, end: await target.ask('finish') });
  } finally {
    strangers.close();
    await target.close();
  }
}

interface RunDeps {
  target: TargetProcess;
  strangers: UdpStrangers;
  ports: Record<PortName, number>;
  count: number;
  onProgress: FuzzOptions['onProgress'];
}

class Run {
  readonly #deps: RunDeps;
  readonly #traffic: Record<PortName, Traffic>;
  readonly #wanted: Record<PortName, number>;
  readonly #samples: MemorySample[] = [];
  #dropped: Record<string, number> = {};
  #lost = 0;
  #amplification = 0;

  constructor(deps: RunDeps) {
    this.#deps = deps;
    this.#traffic = mapPorts(createTraffic);
    this.#wanted = mapPorts((name) => Math.round(deps.count * SHARES[name]));
  }

  async all(inputsOf: (index: number) => Inputs, randomOf: (index: number) => Random): Promise<void> {
    const byPort = mapPorts((name) => inputsOf(PORT_NAMES.indexOf(name)));
    await this.#sample();
    await Promise.all([
      this.#sendDatagrams(byPort),
      ...TCP.map((name) => this.#visit(name, byPort[name], randomOf(PORT_NAMES.indexOf(name)))),
    ]);
    await this.#sample();
  }

  report({
    seed,
    durationMs,
    end,
  }: {
    seed: number;
    durationMs: number;
    end: Extract<Answer, { kind: 'finish' }>;
  }): FuzzReport {
    const { strangers } = this.#deps;
    const memory = measureGrowth(this.#samples);
    const { played, next, errors } = end;
    const problems: [isWrong: boolean, words: string][] = [
      [strangers.bytesBack > 0, `UDP answered strangers with ${strangers.bytesBack} bytes`],
      [this.#amplification > 1, `RTSP answered ${this.#amplification} times what it was told`],
      [memory.rssGrowthMiB > RSS_GROWTH_MIB_MAX, `memory grew by ${memory.rssGrowthMiB} MiB`],
      [memory.heapGrowthMiB > HEAP_GROWTH_MIB_MAX, `the heap grew by ${memory.heapGrowthMiB} MiB`],
      [errors.length > 0, `errors were logged: ${errors.join('\n')}`],
      [played.end !== 'stopped', `the player's stream ended: ${played.end}`],
      [played.foreignFrames + played.videoMalformed > 0, 'the player got what is not its own'],
      [next.end !== 'stopped' || next.frames === 0, 'the next client was not served'],
    ];
    return {
      seed,
      inputs: this.#inputs(PORT_NAMES),
      durationMs,
      ports: this.#traffic,
      datagramsLost: this.#lost,
      dropped: Object.fromEntries(Object.entries(this.#dropped).filter(([, count]) => count > 0)),
      rtspAmplification: Math.round(this.#amplification * 100) / 100,
      memory,
      frames: played.frames,
      framesLost: played.framesLost,
      problems: problems.flatMap(([isWrong, words]) => (isWrong ? [words] : [])),
    };
  }

  #inputs(names: readonly PortName[]): number {
    return names.reduce((all, name) => all + this.#traffic[name].inputs, 0);
  }

  /** 0..1 */
  #progress(names: readonly PortName[]): number {
    return (
      this.#inputs(names) /
      Math.max(
        1,
        names.reduce((all, name) => all + this.#wanted[name], 0),
      )
    );
  }

  /** Round by round, each once the appliance has dealt with the one before. */
  async #sendDatagrams(inputs: Record<PortName, Inputs>): Promise<void> {
    const { strangers, ports } = this.#deps;
    let seen = await this.#countDrops();
    while (this.#progress(UDP) < 1) {
      if (this.#progress(UDP) > this.#progress(TCP) + LEAD_MAX) {
        await delay(LOOK_MS);
        continue;
      }
      let sent = 0;
      for (const name of UDP) {
        const traffic = this.#traffic[name];
        for (let left = Math.min(ROUND, this.#wanted[name] - traffic.inputs); left > 0; left -= 1) {
          const datagram = name === 'control' ? inputs[name].control() : inputs[name].media();
          await strangers.send(datagram, ports[name], traffic.inputs);
          traffic.inputs += 1;
          traffic.bytesOut += datagram.length;
          sent += 1;
        }
      }
      seen = await this.#settle(seen + sent);
      await this.#sampleIfDue();
    }
  }

  /** Waits until so many datagrams were dropped in all. @returns how many were. */
  async #settle(expected: number): Promise<number> {
    let seen = await this.#countDrops();
    for (let looks = 0; seen < expected && looks < LOOKS; looks += 1) {
      await delay(LOOK_MS);
      const now = await this.#countDrops();
      if (now > seen) looks = 0;
      seen = now;
    }
    this.#lost += Math.max(0, expected - seen);
    return seen;
  }

  async #countDrops(): Promise<number> {
    const { dropped } = await this.#deps.target.ask('drops');
    this.#dropped = dropped;
    return Object.values(dropped).reduce((all, count) => all + count, 0);
  }

  async #visit(name: (typeof TCP)[number], inputs: Inputs, random: Random): Promise<void> {
    const traffic = this.#traffic[name];
    const identity = name === 'https' ? await createClientCertificate() : undefined;
    const underWay = new Set<Promise<void>>();
    let dueMs = performance.now();
    while (traffic.inputs < this.#wanted[name]) {
      const nowMs = performance.now();
      dueMs = Math.max(dueMs + 1000 / VISITS_PER_SECOND[name], nowMs);
      await delay(dueMs - nowMs);
      if (underWay.size >= VISITS_AT_ONCE) await Promise.race(underWay);
      const tls = identity !== undefined && random.chance(0.5) ? identity : undefined;
      const requests = name === 'rtsp' ? 1 : 1 + random.int(PIPELINED_MAX);
      const bytes = Buffer.concat(Array.from({ length: requests }, () => makeRequest(name, inputs)));
      const one = this.#visitOnce(name, bytes, { random, ...(tls && { tls }) }).finally(() =>
        underWay.delete(one),
      );
      underWay.add(one);
      traffic.inputs += requests;
    }
    await Promise.all(underWay);
  }

  async #visitOnce(
    name: (typeof TCP)[number],
    bytes: Uint8Array,
    options: Omit<Parameters<typeof visit>[1], 'port'>,
  ): Promise<void> {
    const back = await visit(bytes, { port: this.#deps.ports[name], ...options });
    this.#traffic[name].bytesOut += bytes.length;
    this.#traffic[name].bytesBack += back;
    if (name === 'rtsp' && back > 0) this.#amplification = Math.max(this.#amplification, back / bytes.length);
  }

  async #sampleIfDue(): Promise<void> {
    const { count, onProgress } = this.#deps;
    const inputs = this.#inputs(PORT_NAMES);
    if (inputs < ((this.#samples.length + 1) * count) / SAMPLES) return;
    onProgress?.(inputs);
    await this.#sample();
  }

  async #sample(): Promise<void> {
    const { rssBytes, heapBytes } = await this.#deps.target.ask('memory');
    this.#samples.push({ inputs: this.#inputs(PORT_NAMES), rssBytes, heapBytes });
  }
}

function makeRequest(name: (typeof TCP)[number], inputs: Inputs): Uint8Array {
  switch (name) {
    case 'rtsp':
      return inputs.rtsp();
    case 'http':
    case 'https':
      return inputs.http();
    case 'web':
      return inputs.web();
  }
}

function mapPorts<T>(make: (name: PortName) => T): Record<PortName, T> {
  return Object.fromEntries(PORT_NAMES.map((name) => [name, make(name)])) as Record<PortName, T>;
}
