/**
 * A row's version is the id of the entry in the change stream that announced it, `MILLISECONDS-NUMBER`: later puts
 * have greater ones, whoever puts. A row that is put back keeps its version.
 */
import type { RowKind } from '../record.ts';

/** Before every other. */
export const VERSION_ZERO = '0-0';

const VERSION_FORM = /^(\d{1,16})-(\d{1,16})$/;

/** Whether `text` is a version at all. */
export function isVersion(text: string): boolean {
  return VERSION_FORM.test(text);
}

/** Negative when `one` is older than `other`, 0 when they are the same. */
export function compareVersions(one: string, other: string): number {
  const [oneMs = 0, oneNumber = 0] = one.split('-').map(Number);
  const [otherMs = 0, otherNumber = 0] = other.split('-').map(Number);
  return oneMs - otherMs || oneNumber - otherNumber;
}

/** When Redis wrote the entry of this id, ms since the epoch by its clock. */
export function timeOf(version: string): number {
  return Number(version.split('-')[0]);
}

/** A row by name, and which state of it. */
export interface RowVersion {
  kind: RowKind;
  id: string;
  version: string;
}
