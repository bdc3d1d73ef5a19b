import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { sealRtspFrame } from '../../core/protocol/rtsp/encryption.ts';
import { FrameTrials, RTSP_LIMITS, type RtspLimits } from './limits.ts';
import { ask, LOOPBACK, startBench, startHost, type Bench, type ScriptedHost } from './test-bench.ts';

const OPTIONS = 'OPTIONS rtsp://0.0.0.0:48010 RTSP/1.0\r\nCSeq: 1\r\nX-GS-ClientVersion: 14\r\n\r\n';
const KEY = Buffer.alloc(16, 0xa);
/** Where `ask` does not come from; Linux answers for all of 127.0.0.0/8. */
const ELSEWHERE = '127.0.0.66';
const never = { burst: 0, perSecond: 0 };
const many = { burst: 1_000, perSecond: 0 };
const upTo = (burst: number) => ({ burst, perSecond: 0 });

let bench: Bench;
let host: ScriptedHost | undefined;
async function start(limits: Partial<RtspLimits>): Promise<void> {
  bench = await startBench({ readTimeoutMs: 2_000, lingerMs: 200, ...limits });
}
afterEach(async () => {
  await bench.stop();
  await host?.stop();
  host = undefined;
});

const frame = (sequence: number, key: Uint8Array = KEY) =>
  sealRtspFrame(Buffer.from(OPTIONS), { key, sequence, sender: 'client' });
/** Whether a request from loopback was read at all. */
const isHeard = async () => (await ask(bench.port, OPTIONS)).length > 0;

describe('new connections', () => {
  it('are limited by source', async () => {
    await start({ connectionRates: { perSource: upTo(3), all: many } });
    const heard = [await isHeard(), await isHeard(), await isHeard(), await isHeard()];
    expect(heard).toEqual([true, true, true, false]);
    expect(await bench.refused('connectionsLimited')).toBe(1);
  });

  it('are limited in all, but for the addresses of live sessions, which have a reserve', async () => {
    await start({ connectionRates: { perSource: many, all: upTo(1), reserve: upTo(2) } });
    await bench.addSession({ id: 'a', client: { address: ELSEWHERE } });
    expect([await isHeard(), await isHeard()]).toEqual([true, false]);
    await bench.addSession({ id: 'b', client: { address: LOOPBACK } });
    expect([await isHeard(), await isHeard(), await isHeard()]).toEqual([true, true, false]);
    expect(await bench.refused('connectionsLimited')).toBe(2);
  });

  it('leave room for the addresses of live sessions, while strangers hold all they may', async () => {
    await start({ connections: { perSourceMax: 10, max: 4, reserved: 2 } });
    await bench.addSession({ client: { address: LOOPBACK } });
    const held: Socket[] = [];
    for (let count = 0; count < 3; count += 1) {
      const socket = connect({ port: bench.port, host: LOOPBACK, localAddress: ELSEWHERE });
      held.push(socket.on('error', () => undefined).resume());
      await once(socket, 'connect');
    }
    await expect.poll(() => bench.refused('tooManyConnections')).toBe(1);
    expect(await isHeard()).toBe(true);
    for (const socket of held) socket.destroy();
  });
});

describe('trial decryptions', () => {
  /** Sessions of players elsewhere, each with a key of its own. */
  async function addOthers(count: number): Promise<void> {
    for (let number = 1; number <= count; number += 1) {
      await bench.addSession({
        id: `other-${number}`,
        rikey: Buffer.alloc(16, number),
        client: { address: '203.0.113.9' },
        state: 'streaming',
      });
    }
  }

  it('of a stranger stop at its limit', async () => {
    await start({ farTrials: { perSource: upTo(7), all: many } });
    await addOthers(3);
    const stranger = Buffer.alloc(16, 0xee);
    for (let sequence = 1; sequence <= 4; sequence += 1) await ask(bench.port, frame(sequence, stranger));
    expect(await bench.refused('foreignFrame')).toBe(2);
    expect(await bench.refused('trialsLimited')).toBe(2);
  });

  it('of strangers together stop at their limit, and do not concern the address of a live session', async () => {
    await start({ farTrials: { perSource: many, all: never } });
    host = await startHost(() => 'RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n');
    await addOthers(3);
    await ask(bench.port, frame(1));
    expect(await bench.refused('trialsLimited')).toBe(1);
    await bench.addSession({ rikey: KEY, host });
    for (const sequence of [1, 2, 3]) {
      expect((await ask(bench.port, frame(sequence))).length).toBeGreaterThan(0);
    }
    expect(await bench.refused('trialsLimited')).toBe(1);
  });

  it('begin with the sessions that wait for their handshake', async () => {
    await start({ farTrials: { perSource: upTo(1), all: many } });
    host = await startHost(() => 'RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n');
    await addOthers(5);
    await bench.addSession({ rikey: KEY, host, client: { address: '203.0.113.10' } });
    expect((await ask(bench.port, frame(1))).length).toBeGreaterThan(0);
  });

  it('of one address suffice for fifty players who launch there within five seconds', () => {
    let nowMs = 0;
    const trials = new FrameTrials(RTSP_LIMITS, () => nowMs);
    for (let request = 0; request < 350; request += 1) {
      nowMs += 5_000 / 350;
      for (let session = 0; session < 50; session += 1) {
        expect(trials.take('192.0.2.1', true)).toBe(true);
      }
    }
  });
});

describe('the standing limits', () => {
  it('serve fifty players of one address who launch within five seconds, at once', async () => {
    await start({});
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => {
        let heard = 0;
        for (let request = 0; request < 7; request += 1) if (await isHeard()) heard += 1;
        return heard;
      }),
    );
    expect(answers).toEqual(Array.from({ length: 50 }, () => 7));
  });
});
