/**
 * What a host offers, brought into what every client can take. One app that a client cannot take may cost it the whole
 * list (Moonlight-qt shows an empty library for one empty title), so such apps are left out, and counted.
 */
import { ID_MAX, type MoonlightApp } from '../protocol/moonlight/xml.ts';

/** Apps of one host; a library of a thousand games is more than clients can show. */
export const APPS_MAX = 1000;
/** UTF-16 units, as most clients count. */
export const TITLE_MAX_CHARACTERS = 255;

/** Why an app is left out, as people read it. */
const REASONS = {
  noTitle: 'no title',
  badId: 'no usable id',
  sameTitle: 'the same title as another',
  tooMany: `more than ${APPS_MAX}`,
} as const;
export type LeftOutReason = keyof typeof REASONS;

export interface HostApp {
  id: number;
  title: string;
  isHdrSupported: boolean;
}

/** A host's apps as clients may see them, each title once, and how many were left out. */
export interface HostOffer {
  apps: readonly HostApp[];
  leftOut: Readonly<Partial<Record<LeftOutReason, number>>>;
}

/** Of a host that says nothing. */
export const NO_OFFER: HostOffer = { apps: [], leftOut: {} };

/** Control characters, halves of characters, and what XML cannot hold or is no character at all. */
const UNFIT = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\u2028\u2029]/gu;
/** A character that leaves something on the screen; the last exception is a letter of Braille without a dot. */
const VISIBLE = /[^\p{Cc}\p{Cf}\p{Cs}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u;
const HALF_AT_END = /\p{Cs}$/u;

/** Takes from a host's list what clients can take, in its order. Never throws. */
export function readOffer(said: readonly MoonlightApp[]): HostOffer {
  const leftOut: Partial<Record<LeftOutReason, number>> = {};
  /** By title; at most APPS_MAX. */
  const apps = new Map<string, HostApp>();
  for (const app of said) {
    const title = readTitle(app.title);
    const reason = faultOf(app.id, title, apps);
    if (reason === undefined) apps.set(title, { ...app, title });
    else leftOut[reason] = (leftOut[reason] ?? 0) + 1;
  }
  return { apps: [...apps.values()], leftOut };
}

/** A sentence for each reason, such as "2 apps left out: no title". */
export function describeLeftOut(leftOut: HostOffer['leftOut']): string[] {
  return Object.entries(REASONS).flatMap(([reason, words]) => {
    const count = leftOut[reason as LeftOutReason] ?? 0;
    return count === 0 ? [] : [`${count} ${count === 1 ? 'app' : 'apps'} left out: ${words}`];
  });
}

function faultOf(id: number, title: string, taken: ReadonlyMap<string, HostApp>): LeftOutReason | undefined {
  if (title === '') return 'noTitle';
  if (!Number.isInteger(id) || id < 1 || id > ID_MAX) return 'badId';
  if (taken.has(title)) return 'sameTitle';
  return taken.size >= APPS_MAX ? 'tooMany' : undefined;
}

/** Empty for a text in which nobody would see anything. */
function readTitle(text: string): string {
  const title = text
    .replace(UNFIT, ' ')
    .trim()
    .slice(0, TITLE_MAX_CHARACTERS)
    .replace(HALF_AT_END, '')
    .trim();
  return VISIBLE.test(title) ? title : '';
}
