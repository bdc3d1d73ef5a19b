/** The contract of a reconciler: look at one key, act, say when to look again. */

/** What a pass over one key asks for; nothing asked means done until something changes. */
export interface ReconcileResult {
  /** Look again after so many milliseconds, at the latest. */
  requeueAfterMs?: number;
}

export interface Reconciler {
  /** Brings the world of `key` one step nearer to what is wanted. Level-triggered and idempotent. */
  reconcile: (key: string) => Promise<ReconcileResult>;
}
