import { Fixture, play, sessionRow } from '../testing/fixture.ts';
import { describeDatapathContract } from './contract.ts';

describeDatapathContract('the userspace engine', async () => {
  const fixture = await Fixture.start();
  return {
    engine: 'userspace',
    fixture,
    play: (index, { id, generation = 1, slot = index, encryptionEnabled = 0, host } = {}) => {
      const { id: usual } = sessionRow(index);
      return play(fixture, index, {
        session: { id: id ?? usual, generation, upstream: { address: '127.0.0.1', slot } },
        stream: { encryptionEnabled },
        ...(host === undefined ? {} : { host }),
      });
    },
    openPeer: () => fixture.peer(),
    close: () => fixture.close(),
  };
});
