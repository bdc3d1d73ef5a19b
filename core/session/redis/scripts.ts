/**
 * What must happen in one step, as Lua that runs inside Redis. Every script is given its keys and reads the time from
 * Redis, so that replicas and every replica of ours agree. They need Redis 6.2: `XRANGE` with an open end.
 */
import { createHash } from 'node:crypto';
import { HEAD_BYTES_MAX } from './value.ts';

export interface Script {
  text: string;
  /** By which EVALSHA calls it, hexadecimal. */
  sha1: string;
}

/** A caller that has not heard of so many entries yet must first. */
const ENTRIES_BEHIND_MAX = 2_000;

/** Shared beginnings; each is local to its script. */
const HEAD = `
local function head(key)
  local text = redis.call('GETRANGE', key, 0, ${HEAD_BYTES_MAX - 1})
  local ms, number, generation = string.match(text, '^{"version":"(%d+)%-(%d+)","generation":(%d+),"row":')
  if not ms then return nil end
  return { ms = tonumber(ms), number = tonumber(number), generation = tonumber(generation), version = ms .. '-' .. number }
end
`;
const ANNOUNCE = `
local function announce(changes, most, ...)
  local last = redis.call('XREVRANGE', changes, '+', '-', 'COUNT', 1)[1]
  return redis.call('XADD', changes, 'MAXLEN', '~', most, '*', 'former', last and last[1] or '', ...)
end
`;
const EXPIRE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function list(index, id, ttl)
  redis.call('ZADD', index, string.format('%.0f', now + ttl), id)
end
`;

/** A script of the parts' text, one after the other. */
export function script(...parts: string[]): Script {
  const text = parts.join('');
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}

/**
 * Puts a row. KEYS row, index, changes. ARGV kind, id, generation, JSON, time to live in ms, entries kept.
 * Answers its version, or nil when a newer generation stands. Takes expired ids off the index on the way.
 */
export const PUT = script(
  HEAD,
  ANNOUNCE,
  EXPIRE,
  `
local kind, id, generation, json, ttl, most = unpack(ARGV)
local standing = head(KEYS[1])
if standing and standing.generation > tonumber(generation) then return nil end
local version = announce(KEYS[3], most, 'op', 'put', 'kind', kind, 'id', id)
redis.call('SET', KEYS[1], '{"version":"' .. version .. '","generation":' .. generation .. ',"row":' .. json .. '}', 'PX', ttl)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
list(KEYS[2], id, tonumber(ttl))
return version
`,
);

/**
 * Removes a row. KEYS row, index, changes. ARGV kind, id, entries kept, whether it is announced even if it is not there
 * (`yes`, `no`). Answers the id of the entry, if there is one.
 */
export const REMOVE = script(
  ANNOUNCE,
  `
local kind, id, most, always = unpack(ARGV)
redis.call('ZREM', KEYS[2], id)
if redis.call('DEL', KEYS[1]) == 1 or always == 'yes' then
  return announce(KEYS[3], most, 'op', 'remove', 'kind', kind, 'id', id)
end
`,
);

/**
 * Keeps rows of one kind alive. KEYS index, then each row. ARGV time to live in ms, then id and version of each.
 * Answers which of them, counted from 1, are not there in that version; those are left alone.
 */
export const TOUCH = script(
  HEAD,
  EXPIRE,
  `
local ttl = tonumber(ARGV[1])
local others = {}
for at = 2, #KEYS do
  local standing = head(KEYS[at])
  if standing and standing.version == ARGV[2 * at - 1] then
    redis.call('PEXPIRE', KEYS[at], ttl)
    list(KEYS[1], ARGV[2 * at - 2], ttl)
  else
    others[#others + 1] = at - 1
  end
end
return others
`,
);

/**
 * Puts back rows of one kind that are missing, or of which only an older state is left, unless they were removed since
 * the entry up to which the caller has heard. KEYS index, changes, then each row. ARGV kind, time to live in ms, entries
 * kept, that entry; then id, generation, version (its two parts) and value of each. Answers for each `restored`, `newer`
 * (somebody else has put it since), `removed`, or `behind` when too much has happened since that entry.
 */
export const RESTORE = script(
  HEAD,
  ANNOUNCE,
  EXPIRE,
  `
local kind, ttl, most, heard = unpack(ARGV)
local since = redis.call('XRANGE', KEYS[2], '(' .. heard, '+', 'COUNT', ${ENTRIES_BEHIND_MAX})
local removed = {}
for _, entry in ipairs(since) do
  local fields = {}
  for at = 1, #entry[2], 2 do fields[entry[2][at]] = entry[2][at + 1] end
  if fields.op == 'remove' and fields.kind == kind then removed[fields.id] = true end
end
local function restore(key, id, generation, ms, number, value)
  local standing = head(key)
  if standing then
    local order = standing.generation - tonumber(generation)
    if order == 0 then order = standing.ms - tonumber(ms) end
    if order == 0 then order = standing.number - tonumber(number) end
    if order >= 0 then return 'newer' end
  elseif removed[id] then
    return 'removed'
  elseif #since == ${ENTRIES_BEHIND_MAX} then
    return 'behind'
  end
  redis.call('SET', key, value, 'PX', ttl)
  list(KEYS[1], id, tonumber(ttl))
  announce(KEYS[2], most, 'op', 'restore', 'kind', kind, 'id', id, 'version', ms .. '-' .. number)
  return 'restored'
end
local outcomes = {}
for at = 3, #KEYS do
  local first = 5 * (at - 3) + 5
  outcomes[at - 2] = restore(KEYS[at], unpack(ARGV, first, first + 4))
end
return outcomes
`,
);

/** Takes a claim, or holds it anew. KEYS claim. ARGV holder, time to live in ms. Answers who holds it, for how long. */
export const TAKE = script(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return { holder, redis.call('PTTL', KEYS[1]) } end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return { ARGV[1], tonumber(ARGV[2]) }
`);

/** Gives a claim back. KEYS claim, changes. ARGV name, holder, entries kept. */
export const RELEASE = script(
  ANNOUNCE,
  `
if redis.call('GET', KEYS[1]) ~= ARGV[2] then return end
redis.call('DEL', KEYS[1])
announce(KEYS[2], ARGV[3], 'op', 'release', 'id', ARGV[1])
`,
);

/** Who holds a claim, for how long. KEYS claim. Answers nil when it is free. */
export const LOOK = script(`
local holder = redis.call('GET', KEYS[1])
if not holder then return nil end
return { holder, redis.call('PTTL', KEYS[1]) }
`);

/** Raises a number. KEYS number. ARGV value, time to live in ms. Answers 1, or 0 when the value is not above it. */
export const ADVANCE = script(`
local standing = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
if tonumber(ARGV[1]) <= standing then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`);
