/** What the hosts together offer: how clients and people see them, whoever keeps watch over them. */
import type { BoxArt } from './types.ts';

/** One entry of the client's app list; hosts that offer the same title share it. */
export interface CatalogApp {
  /** Positive 31-bit number, stable for a title. */
  id: number;
  title: string;
  isHdrSupported: boolean;
}

/** A host that waits for its person to type a PIN. */
export interface AwaitedPin {
  hostName: string;
  address: string;
  /** 4 digits. Shown on the console only, never logged. */
  pin: string;
}

/** up: it answers and knows us; unpaired: it answers, and waits for a PIN; down: it does not answer. */
export const HOST_STATES = ['up', 'down', 'unpaired'] as const;

/** One host as people see it. */
export interface HostState {
  /** Unique; lower-case letters, digits and dashes. */
  name: string;
  /** IP address or name. */
  address: string;
  state: (typeof HOST_STATES)[number];
  /** Why it is not up, in a few words; `null` while it is, while a person's PIN is awaited, and until it was asked. */
  problem: string | null;
  /** Sessions it may play at once. */
  capacity: number;
  /** Sessions that have a place on it now. */
  used: number;
  /** Titles that it offers now, in the order of `list`; empty unless it is up. */
  apps: readonly string[];
  /** What is wrong with what it says, a sentence each, such as "2 apps left out: no title"; mostly empty. */
  notices: readonly string[];
  /** As configured; empty where there are none. */
  labels: Readonly<Record<string, string>>;
}

export interface AppCatalog {
  /** Apps of the hosts that are up, by title. */
  list: () => CatalogApp[];
  /** Box art from a host that has the app, or `undefined`. */
  asset: (appId: number) => Promise<BoxArt | undefined>;
  /** ServerCodecModeSupport: the flags that every host that is up has; H.264 alone when none is. */
  codecModes: () => number;
  maxLumaPixelsHEVC: () => number;
  awaitedPins: () => AwaitedPin[];
  /** Every host that is known, up or not, by name. */
  hosts: () => HostState[];
}
