/** coturn: each client has an allocation at the server, and a channel for its host, which sends to the relayed address. */
import { join } from 'node:path';
import { aimAtEdge } from '../../stage/stage.ts';
import { findProgram, whyNotInstalled, type Candidate } from './candidate.ts';
import { waitFor } from '../../child.ts';

const PORT = 3478;
const FEATURES_OFF = ['--no-auth', '--no-tls', '--no-dtls', '--no-tcp', '--no-tcp-relay', '--no-cli'];

export const coturn: Candidate = {
  name: 'coturn',
  title: 'coturn, channel data',
  whyNot: () => whyNotInstalled('turnserver'),
  start: async (place) => {
    const { stage, lane, group } = place;
    const { sink, folder } = stage;
    group.spawn([
      findProgram('turnserver'),
      '-n',
      ...FEATURES_OFF,
      ...['--listening-ip', lane.edgeToClient, '--listening-port', `${PORT}`, '--relay-ip', lane.edgeToPod],
      ...['--log-file', join(folder, 'turnserver.log'), '--simple-log'],
      ...['--pidfile', join(folder, 'turnserver.pid'), '--userdb', join(folder, 'turnserver.db')],
    ]);
    // A server that still starts answers nothing.
    const ports = await waitFor('The TURN server never answered', () =>
      sink.ask.allocate({ lane, port: PORT }).catch(() => undefined),
    );
    const hostPorts = await aimAtEdge(place, (flow) => ports[flow] ?? 0);
    const peers = hostPorts.map((port) => ({ address: lane.pod, port }));
    return { place, renew: () => sink.ask.bindChannels({ lane, port: PORT }, peers) };
  },
};
