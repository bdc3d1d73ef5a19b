/**
 * The history of a deployment in its Redis, the same for all proxies: a hash for each day in UTC, which ends a day after
 * it is too old. Fields:
 *
 *   event ID        a number that rises with each event, a space, the event as JSON
 *   bytes           of the events
 *   strangerBytes   of those who failed to pair
 *
 * While Redis is away, what happens waits in memory.
 */
import type { Logger } from '../runtime/log.ts';
import { GleipnirError } from '../runtime/errors.ts';
import type { RedisConnection } from '../session/redis/connection.ts';
import { createKeys, type Keys } from '../session/redis/keys.ts';
import { script } from '../session/redis/scripts.ts';
import {
  DAY_LIMITS,
  DAY_MS,
  dayOf,
  daysAround,
  newestFirst,
  oldestDay,
  parseEvents,
  shiftDay,
} from './day.ts';
import { HistoryEvent } from './event.ts';
import { HISTORY_DAYS, type AppendOutcome, type History } from './history.ts';

const TTL_MS = (HISTORY_DAYS + 1) * DAY_MS;
/** Events that wait for Redis; what happens beyond that is lost. */
const WAITING_MAX = 1_000;
/** Between tries while Redis is away, ms. */
const RETRY_MS = 1_000;
const EVENT_FIELD = 'event ';

/**
 * Keeps an event. KEYS its day, the days around it. ARGV field, JSON, whether it is of a stranger (`yes`, `no`), most
 * bytes of the day, of strangers, time to live in ms. Answers an AppendOutcome.
 */
const APPEND = script(`
local field, json, isStranger, dayMax, strangerMax, ttl = unpack(ARGV)
for _, day in ipairs(KEYS) do
  if redis.call('HEXISTS', day, field) == 1 then return 'known' end
end
local function filled(name) return tonumber(redis.call('HGET', KEYS[1], name) or '0') or 0 end
local size = #json + 1
local bytes = filled('bytes') + size
local strangerBytes = filled('strangerBytes')
if isStranger == 'yes' then
  strangerBytes = strangerBytes + size
  if strangerBytes > tonumber(strangerMax) then return 'dropped' end
end
if bytes > tonumber(dayMax) then return 'dropped' end
local number = redis.call('HLEN', KEYS[1])
redis.call('HSET', KEYS[1], field, number .. ' ' .. json, 'bytes', bytes, 'strangerBytes', strangerBytes)
redis.call('PEXPIRE', KEYS[1], ttl)
return 'stored'
`);

export interface RedisHistoryDeps {
  /** Of the session table. */
  connection: Pick<RedisConnection, 'run' | 'eval'>;
  /** Of every key; has a hash tag. */
  prefix: string;
  /** Milliseconds since the epoch. */
  now: () => number;
  log: Logger;
  limits?: Partial<typeof DAY_LIMITS>;
}

/** `append` never fails for Redis; `read` does. @throws GleipnirError TABLE_UNAVAILABLE */
export interface RedisHistory extends History {
  /** Tries once more to write what waits; the rest is lost. Before the connection ends. */
  stop: () => Promise<void>;
}

/** Nothing is asked before the first call. */
export function createRedisHistory(deps: RedisHistoryDeps): RedisHistory {
  return new DaysInRedis(deps);
}

class DaysInRedis implements RedisHistory {
  readonly #deps: RedisHistoryDeps;
  readonly #keys: Keys;
  readonly #limits: typeof DAY_LIMITS;
  /** The oldest first; at most WAITING_MAX. */
  readonly #waiting: HistoryEvent[] = [];
  /** Of this outage. */
  #lost = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Never rejects. */
  #flushing: Promise<void> | undefined;

  constructor(deps: RedisHistoryDeps) {
    this.#deps = deps;
    this.#keys = createKeys(deps.prefix);
    this.#limits = { ...DAY_LIMITS, ...deps.limits };
  }

  readonly append = async (event: HistoryEvent): Promise<AppendOutcome> => {
    const parsed = HistoryEvent.parse(event);
    // Behind those that wait already: nobody waits for a Redis that is known to be away.
    if (this.#waiting.length > 0) return this.#wait(parsed);
    try {
      return await this.#store(parsed);
    } catch (error) {
      const reason = error instanceof GleipnirError ? error.details['reason'] : undefined;
      if (this.#waiting.length === 0) this.#deps.log.warn({ reason }, 'history waits for redis');
      return this.#wait(parsed);
    }
  };

  readonly read = (): AsyncIterable<HistoryEvent> => this.#read();

  readonly stop = async (): Promise<void> => {
    await this.#flush();
    clearTimeout(this.#timer);
    const lost = this.#lost + this.#waiting.length;
    if (lost > 0) this.#deps.log.warn({ lost }, 'history events are lost');
  };

  async *#read(): AsyncGenerator<HistoryEvent> {
    const oldest = oldestDay(this.#deps.now());
    // Another proxy's clock may be ahead.
    for (let day = dayOf(this.#deps.now() + DAY_MS); day >= oldest; day = shiftDay(day, -1)) {
      yield* newestFirst(await this.#eventsOf(day));
    }
  }

  /** In the order in which they came. */
  async #eventsOf(day: string): Promise<HistoryEvent[]> {
    const fields = await this.#deps.connection.run((client) => client.hgetall(this.#keys.history(day)));
    const numbered = Object.entries(fields)
      .filter(([name]) => name.startsWith(EVENT_FIELD))
      .map(([, value]) => ({ number: Number.parseInt(value, 10), json: value.slice(value.indexOf(' ') + 1) }))
      .sort((one, other) => one.number - other.number);
    return parseEvents(numbered.map(({ json }) => json));
  }

  async #store(event: HistoryEvent): Promise<AppendOutcome> {
    const { connection, now } = this.#deps;
    const days = daysAround(event);
    if (days[0] < oldestDay(now())) return 'dropped';
    const { dayBytesMax, strangerBytesMax } = this.#limits;
    const isStranger = event.kind === 'pairingFailed' ? 'yes' : 'no';
    const outcome = await connection.eval(
      APPEND,
      days.map((day) => this.#keys.history(day)),
      [EVENT_FIELD + event.id, JSON.stringify(event), isStranger, dayBytesMax, strangerBytesMax, TTL_MS],
    );
    return outcome as AppendOutcome;
  }

  #wait(event: HistoryEvent): AppendOutcome {
    this.#tryLater();
    if (this.#waiting.length >= WAITING_MAX) {
      this.#lost += 1;
      return 'dropped';
    }
    this.#waiting.push(event);
    return 'waiting';
  }

  #tryLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#flush();
    }, RETRY_MS).unref();
  }

  async #flush(): Promise<void> {
    this.#flushing ??= this.#writeWaiting().finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  async #writeWaiting(): Promise<void> {
    const count = this.#waiting.length;
    try {
      for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
        await this.#store(next);
        this.#waiting.shift();
      }
    } catch {
      this.#tryLater();
      return;
    }
    if (count > 0) this.#deps.log.info({ count, lost: this.#lost }, 'history is written again');
    this.#lost = 0;
  }
}
