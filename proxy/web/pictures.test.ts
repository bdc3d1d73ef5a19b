import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SAMPLES_MAX, type Samples } from '../history/streams.ts';
import { renderPicture } from './pictures.ts';
import { flowOf, openBench, pairingOf, sessionOf, type Bench } from './test-bench.ts';

const samplesOf = (values: (number | null)[]): Samples => ({
  bitrateBps: values,
  lossPercent: values,
  jitterMs: values,
  rttMs: values,
});

describe('renderPicture', () => {
  it('says the range in words, with one unit', () => {
    const { text } = renderPicture('s', 'bitrateBps', samplesOf([18.2e6, 20.1e6]));
    expect(text).toContain('role="img"');
    expect(text).toContain('Bitrate over the last 10 minutes: 18.2 to 20.1 Mbit/s');
    expect(renderPicture('s', 'lossPercent', samplesOf([0, 0])).text).toContain('minutes: 0.0 %"');
  });

  it('puts the newest to the right, and leaves gaps where nothing streamed', () => {
    const { text } = renderPicture('s', 'jitterMs', samplesOf([1, 1, null, 1, 1]));
    const lines = [...text.matchAll(/class="line" d="([^"]+)"/g)].map(([, d]) => d);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/L240\.0 /);
  });

  it('draws nothing before the first sample', () => {
    for (const samples of [undefined, samplesOf([null])]) {
      expect(renderPicture('s', 'rttMs', samples).text).not.toContain('<svg');
    }
  });

  it('stays within its frame, whatever the values', () => {
    const value = fc.option(fc.double({ min: 0, max: 1e12, noNaN: true }));
    fc.assert(
      fc.property(fc.array(value, { maxLength: SAMPLES_MAX }), (values) => {
        const { text } = renderPicture('s', 'bitrateBps', samplesOf(values));
        expect(text).not.toMatch(/NaN|Infinity/);
        for (const [, d = ''] of text.matchAll(/ d="([^"]+)"/g)) {
          for (const [, x, y] of d.matchAll(/(-?[\d.]+) (-?[\d.]+)/g)) {
            expect(Number(x)).toBeGreaterThanOrEqual(0);
            expect(Number(x)).toBeLessThanOrEqual(240);
            expect(Number(y)).toBeGreaterThanOrEqual(0);
            expect(Number(y)).toBeLessThanOrEqual(48);
          }
        }
      }),
    );
  });
});

describe('the samples', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = openBench();
    await bench.web.start();
    bench.sessions.set('s', sessionOf('s', pairingOf('p-1'), {}));
    await bench.flow(flowOf('s'));
    bench.web.streams.sample();
  });
  afterEach(() => bench.web.stop());

  it('are on the page, and as JSON', async () => {
    const { body } = await bench.get('/sessions');
    expect(body.match(/<svg/g)).toHaveLength(4);
    expect((await bench.get('/api/samples')).json()).toMatchObject({
      stepS: 5,
      items: [{ id: 's', bitrateBps: [2e7] }],
    });
  });

  it('carry no style or script that the policy would keep out', async () => {
    const { body } = await bench.get('/sessions');
    expect(body).not.toMatch(/ style=|<style|<script(?! type="module" src="\/console\.js")|\son[a-z]+=/);
  });
});
