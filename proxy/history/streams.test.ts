import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../core/runtime/log.ts';
import { createMemoryTable } from '../../core/session/memory.ts';
import type { FlowRecord } from '../../core/session/record.ts';
import type { TableWriter } from '../../core/session/table.ts';
import { flowOf } from '../web/test-bench.ts';
import { SAMPLES_MAX, Streams } from './streams.ts';

let streams: Streams;
let flows: TableWriter<'flow'>;
beforeEach(async () => {
  const table = createMemoryTable();
  flows = table.writer('flow');
  streams = new Streams({ table: table.reader, log: createLogger('silent') });
  await streams.start();
});
afterEach(() => {
  streams.stop();
});

async function sampleOf(quality: Partial<NonNullable<FlowRecord['quality']>>, row = {}): Promise<void> {
  const usual = flowOf('s').quality;
  if (usual === undefined) return;
  await flows.put(flowOf('s', { quality: { ...usual, ...quality }, ...row }));
  await new Promise(setImmediate);
  streams.sample();
}

describe('the samples of a stream', () => {
  it('say bitrate and times as the relay does, and loss since the last sample', async () => {
    await sampleOf({ videoLost: 0, videoDatagrams: 100, rttMs: 8 });
    await sampleOf({ videoLost: 50, videoDatagrams: 150, jitterMs: 2 });
    await sampleOf({ videoLost: 50, videoDatagrams: 250 });
    expect(streams.samplesOf('s')).toMatchObject({
      bitrateBps: [20e6, 20e6, 20e6],
      lossPercent: [0, 50, 0],
      jitterMs: [expect.closeTo(0.42), 2, expect.closeTo(0.42)],
    });
    expect(streams.samplesOf('s')?.rttMs[0]).toBe(8);
  });

  it('have gaps where nothing streamed, and count anew for the next generation', async () => {
    await sampleOf({ videoLost: 90, videoDatagrams: 10 });
    await sampleOf({}, { status: 'disconnected' });
    await sampleOf({ videoLost: 1, videoDatagrams: 99 }, { generation: 2 });
    expect(streams.samplesOf('s')?.lossPercent).toEqual([90, null, 1]);
  });

  it('are of the last ten minutes', async () => {
    for (let index = 0; index < SAMPLES_MAX + 7; index += 1) await sampleOf({ jitterMs: index });
    const jitter = streams.samplesOf('s')?.jitterMs ?? [];
    expect([jitter.length, jitter[0], jitter.at(-1)]).toEqual([SAMPLES_MAX, 7, SAMPLES_MAX + 6]);
  });

  it('are forgotten with the session, and not begun before media comes', async () => {
    await sampleOf({}, { status: 'waiting' });
    expect(streams.samplesOf('s')).toBeUndefined();
    await sampleOf({});
    expect(streams.samplesOf('s')).toBeDefined();
    await flows.remove(flowOf('s').id);
    await new Promise(setImmediate);
    expect(streams.samplesOf('s')).toBeUndefined();
  });
});
