-- One smooth pace for every request of an account (S7): GCRA, where a taker is told its turn.
-- Fields of the pace hash: tat (ms, when the next turn begins), blocked (ms, no request before),
-- rate (learned, requests a second), refusals (in a row), raised (ms, last time the rate went up).
local START_RATE = 2
local function current_rate(pace_key, told_rate)
  if told_rate then return told_rate end
  return tonumber(redis.call('HGET', pace_key, 'rate')) or START_RATE
end

-- Reserves the next turn if it begins within max_wait_ms.
-- Returns the wait in ms, or nil and the wait that would have been.
local function take_turn(pace_key, rate, now, max_wait_ms)
  local fields = redis.call('HMGET', pace_key, 'tat', 'blocked')
  local turn = math.max(now, tonumber(fields[1]) or 0, tonumber(fields[2]) or 0)
  local wait = turn - now
  if wait > max_wait_ms then return nil, wait end
  redis.call('HSET', pace_key, 'tat', turn + 1000 / rate)
  return wait
end
