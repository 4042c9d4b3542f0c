-- A request was answered: the pace learns from it.
-- KEYS: 1 pace, 2 workers
-- ARGV: 1 'taken' or 'refused', 2 Retry-After in ms or '', 3 a random number from 0 to 1 for jitter
-- Returns the ms for which no request is sent.
--include now
--include limits
--include pace
local BACKOFF_FIRST_MS, BACKOFF_MAX_MS = 2000, 120000
local LOWEST_RATE, HIGHEST_RATE = 0.02, 200
local now = now_ms()
local fields = redis.call('HMGET', KEYS[1], 'refusals', 'raised', 'rate', 'blocked', 'limited')
local refusals = tonumber(fields[1]) or 0
local rate = tonumber(fields[3]) or START_RATE
if ARGV[1] == 'taken' then
  if refusals > 0 then redis.call('HSET', KEYS[1], 'refusals', 0) end
  -- Nothing is learned of a pace that was told, or that nobody waited for.
  local tat = tonumber(redis.call('HGET', KEYS[1], 'tat')) or 0
  if limits_in_force(KEYS[2], now) or tat < now then return 0 end
  -- At most one step a second: quick before the first refusal, slow after it.
  if now - (tonumber(fields[2]) or 0) >= 1000 then
    local step = fields[5] and math.max(0.05, rate * 0.02) or rate * 0.25
    redis.call('HSET', KEYS[1], 'raised', now, 'rate', math.min(HIGHEST_RATE, rate + step))
  end
  return 0
end
-- Requests that were on their way when the first was refused are part of the same event.
local fresh = now >= (tonumber(fields[4]) or 0)
if fresh then refusals = refusals + 1 end
local backoff = math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ^ (refusals - 1)) * (0.5 + 0.5 * tonumber(ARGV[3]))
local wait = ARGV[2] ~= '' and tonumber(ARGV[2]) or backoff
local blocked = math.max(tonumber(fields[4]) or 0, now + wait)
redis.call('HSET', KEYS[1], 'blocked', blocked, 'refusals', refusals, 'limited', 1)
redis.call('HINCRBY', KEYS[1], 'refused', 1)
if fresh then redis.call('HSET', KEYS[1], 'raised', blocked, 'rate', math.max(LOWEST_RATE, rate * 0.7)) end
return math.ceil(blocked - now)
