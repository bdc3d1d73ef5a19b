/**
 * `kernel-choice.main.ts <datapath>`: makes and starts a relay, for tests of what it says where the kernel path is
 * refused. One line of JSON each: what the relay logs, then `{"datapath": …}`, or `{"code": …}` of what it failed with.
 */
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { GleipnirError } from '../../core/runtime/errors.ts';
import { createSealer } from '../../core/runtime/seal.ts';
import { createMemoryTable } from '../../core/session/memory.ts';
import { DATAPATHS } from '../../relay/datapath/select.ts';
import { createRelay } from '../../relay/relay.ts';

const datapath = DATAPATHS.find((name) => name === process.argv[2]) ?? 'userspace';
const table = createMemoryTable();

try {
  const relay = createRelay({
    name: 'local',
    config: {
      bindAddress: '127.0.0.1',
      controlPort: 0,
      videoPort: 0,
      audioPort: 0,
      upstreamPortBase: 0,
      slotsMax: 1,
      allowLoopback: true,
      datapath,
    },
    table: table.reader,
    flows: table.writer('flow'),
    sealer: createSealer(Buffer.alloc(32)),
    log: pino(pino.destination({ fd: 1, sync: true })),
    register: new Registry(),
  });
  await relay.start();
  console.log(JSON.stringify({ datapath: relay.stats().datapath }));
  await relay.stop();
} catch (error) {
  if (!(error instanceof GleipnirError)) throw error;
  console.log(JSON.stringify({ code: error.code, message: error.message, details: error.details }));
}
