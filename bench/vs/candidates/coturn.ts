/** coturn: each client has an allocation at the server, and a channel for its host, which sends to the relayed address. */
import { join } from 'node:path';
import { edgeOf, type Candidate } from './candidate.ts';
import { findProgram, whyNotInstalled } from './installed.ts';

const PORT = 3478;
const START_TRIES = 30;
const FEATURES_OFF = ['--no-auth', '--no-tls', '--no-dtls', '--no-tcp', '--no-tcp-relay', '--no-cli'];

export const coturn: Candidate = {
  name: 'coturn',
  title: 'coturn, channel data',
  whyNot: () => whyNotInstalled('turnserver'),
  start: async (place) => {
    const { stage, lane, group } = place;
    const { generator, sink, folder } = stage;
    group.spawn(edgeOf(place), [
      findProgram('turnserver') ?? '',
      '-n',
      ...FEATURES_OFF,
      ...['--listening-ip', lane.edgeToClient, '--listening-port', `${PORT}`, '--relay-ip', lane.edgeToPod],
      ...['--log-file', join(folder, 'turnserver.log'), '--simple-log'],
      ...['--pidfile', join(folder, 'turnserver.pid'), '--userdb', join(folder, 'turnserver.db')],
    ]);
    const ports = await retry(() => sink.ask('allocate', { lane, port: PORT }));
    const destinations = ports.map((port) => ({ address: lane.edgeToPod, port }));
    const hostPorts = await generator.ask('aim', { lane, destinations });
    const peers = hostPorts.map((port) => ({ address: lane.pod, port }));
    return { renew: () => sink.ask('bindChannels', { lane, port: PORT, peers }) };
  },
};

/** A server that still starts answers nothing. */
async function retry<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = START_TRIES; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}
