/** What the side-by-side bench compares: something that carries datagrams from the pod to the client. */
import { spawnSync } from 'node:child_process';
import type { Running } from '../../stage/measure.ts';
import type { Place } from '../../stage/stage.ts';

/** The port at which an edge takes the datagrams of flow 0; those of the others follow. */
export const EDGE_PORT_BASE = 50_000;
/** Where administrators' programs are, whatever the caller's PATH says. */
const FOLDERS = '/usr/sbin:/sbin:/usr/local/sbin';

export interface Candidate {
  /** As it is asked for. */
  name: string;
  /** As it is shown. */
  title: string;
  /** Why it cannot run here, in a few words; `undefined` where it can. Default: it can everywhere. */
  whyNot?: () => string | undefined;
  /** @throws Error when it does not start after all */
  start: (place: Place) => Promise<Running>;
}

/** The port of a flow at the edge. */
export function portOf(flow: number): number {
  return EDGE_PORT_BASE + flow;
}

/** @returns the path of an installed program, empty where there is none. */
export function findProgram(name: string): string {
  const env = { PATH: `${process.env['PATH'] ?? ''}:${FOLDERS}` };
  return spawnSync('sh', ['-c', 'command -v "$0"', name], { env, encoding: 'utf8' }).stdout.trim();
}

/** For `Candidate.whyNot`. */
export function whyNotInstalled(name: string): string | undefined {
  return findProgram(name) === '' ? 'not installed' : undefined;
}
