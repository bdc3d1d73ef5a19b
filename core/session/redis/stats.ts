/** What a table counts, in plain fields that its metrics copy. */
export interface RedisStats {
  commands: number;
  /** Commands that failed, whatever the reason. */
  errors: number;
  /** Times that a reader had missed something and compared everything. */
  gaps: number;
  /** Reads of rows that were no rows. */
  badRows: number;
  /** Rows of ours that were lost and put back. */
  restored: number;
  /** Rows whose writer is gone and which this process keeps now. */
  adopted: number;
  /** Of the newest change when it was heard of, by both clocks, ms; 0 before the first. */
  lagMs: number;
  /** Whether changes are heard of now. */
  isFollowed: boolean;
}

export function createStats(): RedisStats {
  return {
    commands: 0,
    errors: 0,
    gaps: 0,
    badRows: 0,
    restored: 0,
    adopted: 0,
    lagMs: 0,
    isFollowed: false,
  };
}
