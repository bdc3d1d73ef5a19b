/** Figures as Markdown. */
import type { Spread } from './statistics.ts';

/** `median (min to max)`, or `none` where nothing was measured. */
export function formatSpread({ median, min, max }: Spread, digits: number): string {
  if (Number.isNaN(median)) return 'none';
  return `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}

/** A table with one line per row. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
