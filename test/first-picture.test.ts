/** Promise 4b: the first picture comes with the first datagrams, also from a host whose first frame clients reject. */
import { afterEach, describe, expect, it } from 'vitest';
import type { StreamReport } from '../sim/client/report.ts';
import type { SimHostOptions } from '../sim/host/host.ts';
import { openLab, type Lab } from './support/lab.ts';

/** Of the simulated host's own accord, an IDR frame comes every so many frames. */
const IDR_INTERVAL = 30;
/** Asks as it connects, before there is any video. */
const ASKED_AT_START = 1;

let lab: Lab | undefined;

afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

/** @returns the client's report, and how often the host was asked for an IDR frame by somebody else. */
async function play(
  host: SimHostOptions,
  wants: boolean,
): Promise<{ report: StreamReport; askedByRelay: number }> {
  lab = await openLab({ hosts: [host] });
  const client = await lab.createPairedClient({ wantsVideoEncryption: wants });
  const [app] = await client.applist();
  await client.launch(app?.id ?? 0);
  const report = await client.stream({ seconds: 2 });
  const asked = lab.hosts[0]?.sessions()[0]?.idrRequests ?? 0;
  return { report, askedByRelay: asked - ASKED_AT_START - report.idrRequests };
}

describe.each([{ wants: false }, { wants: true }])(
  'the first picture, video encrypted: $wants',
  ({ wants }) => {
    it('comes soon from a host that begins with frame 0: the relay asks for one that counts', async () => {
      const { report, askedByRelay } = await play({ habits: { firstFrameIndex0: true } }, wants);
      expect(report).toMatchObject({ end: 'stopped', firstFrameIndex: 1, framesLost: 0, idrRequests: 0 });
      expect(report.videoRejected).toBeGreaterThan(0);
      expect(askedByRelay).toBeGreaterThan(0);
      expect(report.frames - report.framesDecodable).toBeLessThan(IDR_INTERVAL - 1);
      expect(report.framesDecodable).toBeGreaterThan(0);
    });

    it('is left alone where a host begins with frame 1', async () => {
      const { report, askedByRelay } = await play({}, wants);
      expect(report).toMatchObject({ end: 'stopped', framesLost: 0, videoRejected: 0, idrRequests: 0 });
      expect(report.framesDecodable).toBe(report.frames);
      expect(askedByRelay).toBe(0);
    });
  },
);
