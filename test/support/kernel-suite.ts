/** The frame of tests of the kernel path: where they can run, their network, and the session of each test. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { GleipnirError } from '../../core/runtime/errors.ts';
import { readUdpCounters } from './kernel-counters.ts';
import { NeighbourProgram } from './kernel-neighbour.ts';
import { playInNetwork, type KernelPlay, type KernelPlayOptions } from './kernel-relay.ts';
import { whyNoNamespaces } from './netns.ts';
import { createRoutedNetwork, type RoutedNetwork, type Topology } from './routed.ts';

const LOOPBACK_IFINDEX = 1;

/** What one suite works with. This thread is at the edge while its tests run. */
export interface KernelStage {
  readonly network: RoutedNetwork;
  /** Brings a session to where video is forwarded by the kernel; it is over with the test. */
  play: (family: 4 | 6, options?: KernelPlayOptions) => Promise<KernelPlay>;
  /** Datagrams that the sockets of the edge have taken so far. */
  taken: (family: 4 | 6) => number;
}

/**
 * Why the kernel path cannot be had here, or `undefined` where it can. A program of the tests is attached to know: were
 * it the relay's own, one that is broken would be skipped.
 */
export async function whyNoKernelPath(): Promise<string | undefined> {
  const noNamespaces = await whyNoNamespaces();
  if (noNamespaces !== undefined) return oneLine(noNamespaces);
  try {
    new NeighbourProgram(LOOPBACK_IFINDEX).close();
    await promisify(execFile)('ethtool', ['--version']);
    return undefined;
  } catch (error) {
    const details = error instanceof GleipnirError ? Object.values(error.details) : [];
    return oneLine([error instanceof Error ? error.message : String(error), ...details].join(', '));
  }
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, ', ');
}

const reason = await whyNoKernelPath();
/** Why the kernel path cannot be had here, or nothing. */
export const KERNEL_PATH_MISSING = reason;

/** A suite of tests of the kernel path; where it cannot be had they are skipped, and its name says why. */
export function describeKernelPath(
  title: string,
  body: (stage: KernelStage) => void,
  topology: Topology = 'routed',
): void {
  const name = `kernel path, ${title}`;
  describe.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (skipped: ${reason})`, () => {
    let network: RoutedNetwork | undefined;
    let leave = (): void => undefined;
    const plays: KernelPlay[] = [];
    const requireNetwork = (): RoutedNetwork => {
      if (network === undefined) throw new Error('the network is not there yet');
      return network;
    };

    beforeAll(async () => {
      network = await createRoutedNetwork(topology);
      leave = network.stay('edge');
    });
    afterEach(async () => {
      for (const play of plays.splice(0)) await play.close();
    });
    afterAll(async () => {
      leave();
      await network?.close();
    });

    body({
      get network() {
        return requireNetwork();
      },
      play: async (family, options) => {
        const play = await playInNetwork(requireNetwork(), 'kernel', family, options);
        plays.push(play);
        return play;
      },
      taken: (family) => readUdpCounters(requireNetwork(), 'edge', family).taken,
    });
  });
}
