/** The plot for README.md: CPU for each datagram, as a ratio to plain kernel forwarding, as horizontal bars. SVG. */
import type { ComparisonResults } from './report.ts';
import { isOurs, type Summary } from './summary.ts';

/** What is drawn of a candidate: ours is in colour. */
export type Bar = Pick<Summary, 'name' | 'title' | 'pacedRatio' | 'saturatedRatio'>;

const WIDTH = 760;
const LABEL_WIDTH = 310;
/** Room for the figure behind the longest bar. */
const VALUE_WIDTH = 60;
const TOP = 64;
const BOTTOM = 34;
const ROW = 38;
const BAR = 13;
/** Greys and a blue that can be read on white and on black. */
const COLOUR = { text: '#7d8590', line: '#8b949e', ours: '#2f81f7', other: '#8b949e' } as const;

export function plotResults({ machine, flows, rounds, candidates }: ComparisonResults): string {
  const caption = `1200-byte datagrams over ${flows} flows; generator, forwarder and sink on ${machine.cores} cores of ${machine.cpu}; medians of ${rounds} rounds`;
  return plotRatios(candidates, caption);
}

/** @param caption - what was measured, in a line. Bars that could not be measured are left out. */
export function plotRatios(bars: readonly Bar[], caption: string): string {
  const shown = bars.filter((bar) => ratiosOf(bar).every(Number.isFinite));
  const longest = Math.max(1, ...shown.flatMap(ratiosOf));
  const scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / longest;
  const height = TOP + shown.length * ROW + BOTTOM;
  const one = round(LABEL_WIDTH + scale);
  const head = 'CPU per datagram, to plain kernel forwarding';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="13" fill="${COLOUR.text}">
  <title>${head}</title>
${text(0, 18, `${head} (less is better)`, ' font-size="16" font-weight="600"')}
${text(0, 40, 'full: 50 000 datagrams/s; pale: saturated')}
  <line x1="${one}" x2="${one}" y1="${TOP - 6}" y2="${height - BOTTOM}" stroke="${COLOUR.line}" stroke-dasharray="3 3"/>
${shown.map((bar, index) => drawRow(bar, TOP + index * ROW, scale)).join('\n')}
${text(0, height - 10, caption, ' font-size="11"')}
</svg>
`;
}

function ratiosOf({ pacedRatio, saturatedRatio }: Bar): [paced: number, saturated: number] {
  return [pacedRatio.median, saturatedRatio.median];
}

function drawRow(bar: Bar, y: number, scale: number): string {
  const [paced, saturated] = ratiosOf(bar);
  const [colour, weight] = isOurs(bar) ? [COLOUR.ours, ' font-weight="600"'] : [COLOUR.other, ''];
  const draw = (value: number, at: number, opacity: number): string =>
    `  <rect x="${LABEL_WIDTH}" y="${at}" width="${round(value * scale)}" height="${BAR}" rx="2" fill="${colour}" fill-opacity="${opacity}"/>\n` +
    text(round(LABEL_WIDTH + value * scale + 6), at + BAR - 2, value.toFixed(2));
  return [
    text(LABEL_WIDTH - 10, y + BAR + 5, bar.title, ` text-anchor="end"${weight}`),
    draw(paced, y, 1),
    draw(saturated, y + BAR + 2, 0.5),
  ].join('\n');
}

function text(x: number, y: number, content: string, attributes = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `  <text x="${x}" y="${y}"${attributes}>${escaped}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
