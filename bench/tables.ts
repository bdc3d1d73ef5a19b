/** Figures as Markdown. */
import type { Figures, Spread } from './statistics.ts';

/** Its head, what it shows of a row, and with how many digits behind the point (default: none). */
export type Column<R> = readonly [head: string, of: (row: R) => string | number | Spread, digits?: number];

/** `median (min to max)`, or `none` where nothing was measured. */
export function formatSpread({ median, min, max }: Spread, digits: number): string {
  if (Number.isNaN(median)) return 'none';
  return `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}

/** A table with one line per row. */
export function formatTable<R>(rows: readonly R[], columns: readonly Column<R>[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const cell = (row: R, [, of, digits = 0]: Column<R>): string => {
    const value = of(row);
    if (typeof value === 'string') return value;
    return typeof value === 'number' ? value.toFixed(digits) : formatSpread(value, digits);
  };
  return [
    line(columns.map(([head]) => head)),
    line(columns.map(() => '---')),
    ...rows.map((row) => line(columns.map((column) => cell(row, column)))),
  ].join('\n');
}

/** A column for each of `figures`, in their order, of rows that have their spreads. */
export function columnsOf<R, K extends string>(figures: Figures<R, K>): Column<Record<K, Spread>>[] {
  return (Object.keys(figures) as K[]).map((name) => {
    const { head, digits, unit } = figures[name];
    const inUnit = ({ median, min, max }: Spread): Spread => {
      return { median: median / unit, min: min / unit, max: max / unit };
    };
    return [head, (row) => inUnit(row[name]), digits];
  });
}

/** Paragraphs, those that say nothing left out. */
export function formatParts(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('\n\n');
}

/** Of a figure that must not be above `limit`. */
export function judge(value: number, limit: number): string {
  return value <= limit ? 'met' : 'missed';
}
