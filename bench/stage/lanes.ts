/**
 * The addresses of the side-by-side bench. Each candidate has a lane of its own: a network namespace that is the edge, with
 * one link to the pod and one to the client. So no candidate's rules, sockets or programs are in another's way.
 */

export const FLOWS = 20;
/** The port at which the client takes the datagrams of all flows, each at an address of its own. */
export const CLIENT_PORT = 40_000;

/** Where a lane's parts are. */
export interface Lane extends Record<'pod' | 'edgeToPod' | 'edgeToClient' | 'podNet' | 'clientNet', string> {
  /** 0 is the wire from pod to client, without an edge. */
  index: number;
  /** One for each flow. */
  clients: readonly string[];
}

/** @param index - 0..100 */
export function laneOf(index: number): Lane {
  const podNet = `10.79.${2 * index}`;
  const clientNet = index === 0 ? podNet : `10.79.${2 * index + 1}`;
  return {
    index,
    pod: `${podNet}.2`,
    edgeToPod: `${podNet}.1`,
    edgeToClient: `${clientNet}.1`,
    podNet: `${podNet}.0/24`,
    clientNet: `${clientNet}.0/24`,
    clients: Array.from({ length: FLOWS }, (_, flow) => `${clientNet}.${10 + flow}`),
  };
}
