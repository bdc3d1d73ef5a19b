/** What the side-by-side bench compares: something that carries datagrams from the pod to the client. */
import type { Group } from '../group.ts';
import type { EdgeLane, Stage } from '../stage.ts';

/** The port at which an edge takes the datagrams of flow 0; those of the others follow. */
export const EDGE_PORT_BASE = 50_000;

/** What a candidate is started with. */
export interface Place {
  stage: Stage;
  lane: EdgeLane;
  /** For its processes. */
  group: Group;
}

/** A candidate at work. */
export interface Running {
  /** Whether the clients ping its edge while datagrams flow. */
  arePinging?: boolean;
  /** Done before each load. */
  renew?: () => Promise<void>;
  /** Whether it is in its steady state; datagrams flow until it is. Default: once they arrive. */
  isReady?: () => Promise<boolean>;
  /** Datagrams that its namespace's sockets were handed so far, those that found no socket included. */
  countSlow?: () => number;
}

export interface Candidate {
  /** As it is asked for. */
  name: string;
  /** As it is shown. */
  title: string;
  /** Why it cannot run here, in a few words; `undefined` where it can. */
  whyNot: () => string | undefined;
  /** @throws Error when it does not start after all */
  start: (place: Place) => Promise<Running>;
}

/** The edge's namespace. */
export function edgeOf({ lane }: Place): string {
  if (lane.edge === undefined) throw new Error('The bare wire has no edge');
  return lane.edge;
}
