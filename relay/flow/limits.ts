/** What strangers, and clients that move, may make the relay try: rates by source, by flow and in all. */
import { SourceBuckets, SourceLimiter, TokenBucket, type Rate } from '../../core/runtime/token-bucket.ts';

/** Everything that is limited across flows. */
export interface Limits {
  /** Wrong connect data, by source. */
  wrongConnects: SourceBuckets;
  /** Opening a tag of a datagram from a new address, by source. */
  tagsBySource: SourceBuckets;
  /** The same, over all: about 2 % of a core at most. */
  tags: TokenBucket;
  /** The same, for addresses where the flow's media proved to be: what strangers use up is not theirs. */
  provenTags: SourceLimiter;
}

const WRONG_CONNECTS: Rate = { burst: 20, perSecond: 5 };
const TAGS_BY_SOURCE: Rate = { burst: 40, perSecond: 20 };
const TAGS: Rate = { burst: 1000, perSecond: 1000 };
const PROVEN_TAGS_BY_SOURCE: Rate = { burst: 400, perSecond: 200 };

/** Opening a tag for one flow. */
export const TAGS_BY_FLOW: Rate = { burst: 60, perSecond: 40 };
/** Moves of one stream of a client. */
export const MOVES: Rate = { burst: 8, perSecond: 1 };

/** All full. */
export function createLimits(): Limits {
  return {
    wrongConnects: new SourceBuckets(WRONG_CONNECTS),
    tagsBySource: new SourceBuckets(TAGS_BY_SOURCE),
    tags: new TokenBucket(TAGS),
    provenTags: new SourceLimiter({ perSource: PROVEN_TAGS_BY_SOURCE, all: TAGS }),
  };
}
