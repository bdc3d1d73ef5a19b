/** Both engines keep the datapath's contract in a routed network: fragments, MTUs and checksums are real there. */
import { describeDatapathContract } from '../relay/datapath/contract.ts';
import { sessionRow } from '../relay/testing/fixture.ts';
import type { NetworkPeer } from './support/kernel-peer.ts';
import { openNetworkRelay } from './support/kernel-relay.ts';
import { describeKernelPath } from './support/kernel-suite.ts';

const WORLDS = [
  { engine: 'userspace', family: 4 },
  { engine: 'kernel', family: 4 },
  { engine: 'kernel', family: 6 },
] as const;

describeKernelPath('contract', (stage) => {
  for (const { engine, family } of WORLDS) {
    describeDatapathContract<NetworkPeer>(`the ${engine} engine over IPv${family}`, async () => {
      const relay = await openNetworkRelay(stage.network, engine, family);
      const { edgeToPod } = relay.addresses;
      return {
        engine,
        fixture: relay.fixture,
        play: (index, { id, generation = 1, slot = index, encryptionEnabled = 0, host } = {}) =>
          relay.play(index, {
            session: { id: id ?? sessionRow(index).id, generation, upstream: { address: edgeToPod, slot } },
            stream: { encryptionEnabled },
            ...(host === undefined ? {} : { host }),
          }),
        openPeer: (side) => Promise.resolve(relay.openPeer(side === 'client' ? 'client' : 'pod')),
        close: relay.close,
      };
    });
  }
});
