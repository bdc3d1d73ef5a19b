/** A lease: one small fact that several processes want to hold, and that each of them can lose. */

/** The lease as it stands. */
export interface LeaseState {
  /** Empty: nobody holds it. */
  holder: string;
  /** How long others wait after they saw it renewed, ms. */
  durationMs: number;
  /** How often it changed hands. */
  transitions: number;
  /** Differs after every write; a write must name the one it is based on. */
  version: string;
}

export type NewLease = Omit<LeaseState, 'version'>;

/** Where a lease is kept. */
export interface LeaseStore {
  read: () => Promise<LeaseState | undefined>;
  /** Writes it where `base` still stands (`undefined`: there is none). @returns what stands now, `undefined` when another was faster. */
  write: (lease: NewLease, base: LeaseState | undefined) => Promise<LeaseState | undefined>;
}
