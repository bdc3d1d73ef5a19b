/** PINs that we choose. */
import { randomInt } from 'node:crypto';

/** 4 digits. */
export function randomPin(): string {
  return String(randomInt(10_000)).padStart(4, '0');
}
