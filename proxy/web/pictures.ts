/** Pictures of how streams did over the last ten minutes, as SVG without script or style of its own. */
import { SAMPLES_MAX, SAMPLE_S, type SampledFigure, type Samples } from '../history/streams.ts';
import { FORMATS, type Format } from './format.ts';
import { Html, html } from './html.ts';

/** What each figure is called, how it is written, and the least value that fills the picture's height. */
export const PICTURED: Record<SampledFigure, { title: string; format: Format; least: number }> = {
  bitrateBps: { title: 'Bitrate', format: 'bitrate', least: 1e6 },
  lossPercent: { title: 'Loss', format: 'percent', least: 1 },
  jitterMs: { title: 'Jitter', format: 'milliseconds', least: 2 },
  rttMs: { title: 'RTT', format: 'milliseconds', least: 20 },
};

/** Units of the picture's own; it is stretched to its place. */
const WIDTH = 240;
const HEIGHT = 48;
const STEP = WIDTH / (SAMPLES_MAX - 1);
const MINUTES = (SAMPLES_MAX * SAMPLE_S) / 60;
/** Of the height that the highest value takes. */
const FILL = 0.92;

/**
 * One figure of one session; nothing where it has no sample yet. The newest sample is at the right edge; the text beside
 * the picture, and what is read out instead of it, name the lowest and highest.
 *
 * @param id of the session, so that console.js finds the picture that it renews.
 */
export function renderPicture(id: string, figure: SampledFigure, samples: Samples | undefined): Html {
  const values = samples?.[figure] ?? [];
  const known = values.filter((value) => value !== null);
  const { title, format, least } = PICTURED[figure];
  const elementId = `picture-${id}-${figure}`;
  if (known.length === 0) return html`<div class="picture" id="${elementId}" data-picture></div>`;
  const write = FORMATS[format];
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const range = rangeOf(write(low), write(high));
  const scale = (HEIGHT * FILL) / Math.max(high, least);
  const lines = runsOf(values).map((run) => drawRun(run, scale));
  return html`<div class="picture" id="${elementId}" data-picture>
    <svg
      role="img"
      aria-label="${title} over the last ${MINUTES} minutes: ${range}"
      viewBox="0 0 ${WIDTH} ${HEIGHT}"
      preserveAspectRatio="none"
    >
      ${lines}
    </svg>
    <p class="hint" aria-hidden="true">${range}<span class="span">, ${MINUTES} min</span></p>
  </div>`;
}

/** With one unit where both have the same. */
function rangeOf(low: string, high: string): string {
  if (low === high) return high;
  const [value = low, unit = ''] = low.split(' ');
  return high.endsWith(` ${unit}`) ? `${value} to ${high}` : `${low} to ${high}`;
}

interface Point {
  x: number;
  value: number;
}

/** The stretches without a gap. */
function runsOf(values: readonly (number | null)[]): Point[][] {
  const runs: Point[][] = [];
  let current: Point[] | undefined;
  for (const [index, value] of values.entries()) {
    if (value === null) {
      current = undefined;
      continue;
    }
    if (current === undefined) runs.push((current = []));
    current.push({ x: WIDTH - (values.length - 1 - index) * STEP, value });
  }
  return runs;
}

function drawRun(run: readonly Point[], scale: number): Html {
  const points = run.map(({ x, value }) => `${x.toFixed(1)} ${(HEIGHT - value * scale).toFixed(1)}`);
  // A single sample is a short line, so that it can be seen.
  const line = `M${points.join('L')}${run.length === 1 ? 'h1' : ''}`;
  const [first, last] = [run[0]?.x ?? 0, run.at(-1)?.x ?? 0];
  const area = `M${first.toFixed(1)} ${HEIGHT}L${points.join('L')}L${last.toFixed(1)} ${HEIGHT}Z`;
  return html`<path class="area" d="${area}" /><path class="line" d="${line}" />`;
}
