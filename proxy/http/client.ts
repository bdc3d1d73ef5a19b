/** Who makes a request: its source address, and the Pairing of the exact certificate it was made with. */
import { hash } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import type { Pairing } from '../../core/crd/types.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { PairedClients } from '../pairing/clients.ts';

/**
 * The Pairing of the client, looked up anew for each request. Chain, name and expiry of its certificate prove
 * nothing and are not looked at.
 *
 * @throws GleipnirError NOT_PAIRED
 */
export function pairedClient(request: FastifyRequest, clients: PairedClients): Pairing {
  const pairing = clients.find(fingerprintOfRequest(request));
  if (pairing === undefined)
    throw new GleipnirError('NOT_PAIRED', 'This client is not paired with this host');
  return pairing;
}

/** SHA-256 of the client's leaf certificate, lower-case hex; `undefined` without TLS or certificate. */
function fingerprintOfRequest({ socket }: FastifyRequest): string | undefined {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  return certificate && hash('sha256', certificate.raw, 'hex');
}
