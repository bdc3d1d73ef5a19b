/** A flow without a relay: nothing that it is made of is open. */
import { createCounters } from '../counts/counters.ts';
import { Flow, type Slot } from '../flow/flow.ts';
import { UdpPort } from '../ports/udp-port.ts';
import { sessionRow } from './fixture.ts';

export function createTestFlow(index: number, generation = 1, peerId = index): Flow {
  const sent = createCounters().toHost.control;
  const udp = new UdpPort({
    address: '127.0.0.1',
    port: 0,
    listener: 'CONTROL',
    isDualStack: false,
    sent,
    onDatagram: () => undefined,
    onError: () => undefined,
  });
  const port = { udp, legs: new Map() };
  const slot: Slot = {
    key: '0',
    index: 0,
    users: 1,
    state: 'open',
    control: port,
    video: port,
    audio: port,
  };
  const row = sessionRow(index, { generation });
  return new Flow({
    session: { ...row, tokens: { ...row.tokens, peerId } },
    rikey: undefined,
    slot,
    downstream: { control: udp, video: udp, audio: udp },
    openedAtMs: 0,
  });
}
