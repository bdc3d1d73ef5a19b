/** Figures and instants as people read them. console.js formats the figures that it refreshes in the same way. */
import { Html, html } from './html.ts';

/** Digits of a fingerprint that people compare. */
const FINGERPRINT_DIGITS = 16;

/** What is not known. */
export const UNKNOWN = '–';

/** A client that nobody gave a name. */
export const UNNAMED_CLIENT = 'Unnamed client';

/** By the name that cells carry in `data-format`. */
export const FORMATS = {
  /** From bits per second. */
  bitrate: (bps: number) => `${(bps / 1e6).toFixed(1)} Mbit/s`,
  percent: (percent: number) => `${percent.toFixed(1)} %`,
  milliseconds: (ms: number) => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`,
} as const;
export type Format = keyof typeof FORMATS;

/** Groups of four digits. */
export function shortFingerprint(fingerprint: string): string {
  return fingerprint.slice(0, FINGERPRINT_DIGITS).replace(/(.{4})(?=.)/g, '$1 ');
}

/** In UTC; console.js turns it into the reader's own time. @param at RFC 3339, or milliseconds since the epoch. */
export function instant(at: string | number): Html {
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`;
}
