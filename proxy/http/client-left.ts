/** Noticing that a client has hung up while its answer is being prepared. */
import type { FastifyReply } from 'fastify';

/** The client closed its connection before its answer was sent; there is nobody to tell. */
export class ClientLeft extends Error {
  override readonly name = 'ClientLeft';

  constructor() {
    super('The client closed its connection');
  }
}

/** Aborts with `ClientLeft` when the connection of `reply` closes before the answer was handed to the network. */
export function leftSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  const { raw } = reply;
  if (raw.destroyed || raw.socket?.destroyed === true) controller.abort(new ClientLeft());
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort(new ClientLeft());
  });
  return controller.signal;
}
