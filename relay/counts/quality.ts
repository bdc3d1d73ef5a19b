/**
 * How a stream does, for the flow's row: rates over the last second, and what was counted and measured on the way.
 * The data path only counts; what is computed from that is computed here, by the tick.
 */
import type { FlowRecord } from '../../core/session/record.ts';
import type { CoarseClock } from '../clock/clock.ts';
import type { Flow, Rates } from '../flow/flow.ts';

/** Over how long rates are taken. */
const WINDOW_MS = 1_000;
const BITS_PER_BYTE = 8;
const MS_PER_S = 1_000;

type Quality = NonNullable<FlowRecord['quality']>;

/** Takes the rates when their window is over; called every tick. */
export function measureRates(clock: CoarseClock, { rates, video, audio }: Flow): void {
  const elapsedMs = clock.nowMs - rates.sinceMs;
  if (elapsedMs < WINDOW_MS) return;
  const bps = (bytes: number): number => Math.round((bytes * BITS_PER_BYTE * MS_PER_S) / elapsedMs);
  setRates(rates, bps(video.bytes - rates.videoBytes), bps(audio.bytes - rates.audioBytes));
  rates.sinceMs = clock.nowMs;
  rates.videoBytes = video.bytes;
  rates.audioBytes = audio.bytes;
}

/** Nothing flows any more. */
export function stopRates({ rates }: Flow): void {
  setRates(rates, 0, 0);
}

function setRates(rates: Rates, videoBps: number, audioBps: number): void {
  if (videoBps === rates.videoBps && audioBps === rates.audioBps) return;
  rates.videoBps = videoBps;
  rates.audioBps = audioBps;
  rates.changes += 1;
}

/** As the flow's row has it. */
export function qualityOf({ rates, reception, roundTrip, fecReports }: Flow): Quality {
  const { rttMs } = roundTrip;
  return {
    videoBps: rates.videoBps,
    audioBps: rates.audioBps,
    videoLost: reception.lost,
    videoDatagrams: reception.datagrams,
    jitterMs: round(reception.jitterMs),
    ...(rttMs === undefined ? {} : { rttMs: round(rttMs) }),
    fecReports,
  };
}

/** To a hundredth. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** What an earlier relay counted of this generation goes on; what it measured is measured anew. */
export function restoreQuality(flow: Flow, quality: Quality | undefined): void {
  flow.rates.videoBytes = flow.video.bytes;
  flow.rates.audioBytes = flow.audio.bytes;
  if (quality === undefined) return;
  flow.reception.restore({ lost: quality.videoLost, datagrams: quality.videoDatagrams });
  flow.fecReports = quality.fecReports;
}
