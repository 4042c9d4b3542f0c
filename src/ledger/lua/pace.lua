-- One smooth pace for every request of an account (S7): GCRA, where a taker is told its turn.
-- Fields of the pace hash:
--   tat        ms, when the next turn begins          blocked   ms, no request before
--   rate       learned, requests a second             learned   ms, when it last changed
--   limited    1 once a refusal has taught something  hinted, hinted_until: what the API's own headers allow
--   booked     turns given so far                     reads     reads in a row while submissions wanted a turn
--   hint_blocked, claim: no request before the first, because the API's headers said that none is left until the second
--   wanted     until when submissions want a turn     scarce, full: ms, when a submission last waited for the
--                                                     pace, or for a place in flight
-- Beside it, under its key: `:line` and `:seen` (sorted sets: reads that wait for turns, since when they are due, and
-- until when they are to come back), `:fine` and `:coarse` (hashes: turns by their time, in buckets), `:submit` (the
-- pace of submissions, where they are counted apart).
local START_RATE, LOWEST_RATE, HIGHEST_RATE = 2, 0.005, 200
-- A told or hinted limit is kept a little below: late timers would else put one too many into a window.
local SHARE_OF_LIMIT = 0.98
-- What was learned longer ago is trusted by less, and learned anew.
local FORGET_AFTER_MS, OLD_SHARE = 86400000, 0.7
-- Submissions book so far ahead, so that a status check that comes due soon has its turn (paid work first) ...
local SUBMIT_AHEAD_MS = 300
-- ... and after so many reads in a row a waiting submission comes first: neither starves.
local READS_IN_A_ROW = 7
local WANTED_FOR_MS = 2000
-- One that was told when to come again and has not is gone: its machine died.
local COME_BACK_WITHIN_MS = 15000
-- No turn is given further ahead than this: where the next one lies beyond it, the time that it was counted by is void.
local FURTHEST_TURN_MS = 60000
-- Nothing that an API asks for is believed for longer; what stands further ahead is a mistake, or of another clock.
local LONGEST_BLOCK_MS = 86400000
-- Its headers alone hold everybody for no longer than this; then a request finds out whether they are right.
local HINT_HOLD_MS = 10000
-- Nor do they make the pace of a longer window than this before they were seen to count down.
local LONGEST_HINT_MS = 60000
local FINE_MS, FINE_KEPT_MS, COARSE_MS, COARSE_KEPT_MS = 250, 15000, 5000, 600000

local function learned_rate(pace_key, now)
  local fields = redis.call('HMGET', pace_key, 'rate', 'learned')
  local rate = tonumber(fields[1])
  if rate and now - (tonumber(fields[2]) or 0) > FORGET_AFTER_MS then
    rate = rate * OLD_SHARE
    redis.call('HSET', pace_key, 'rate', rate, 'learned', now)
    redis.call('HDEL', pace_key, 'limited', 'ceiling', 'repeats')
  end
  return rate or START_RATE
end

-- Until when nothing is sent: because of a refusal, or of what the headers said; 0 for no such time.
local function blocked_until(blocked, hint_blocked, now)
  local function within(text, longest)
    local till = tonumber(text) or 0
    return till <= now + longest and till or 0
  end
  return math.max(within(blocked, LONGEST_BLOCK_MS), within(hint_blocked, HINT_HOLD_MS))
end

-- The pace in force: what was told, or hinted by the API; lower where refusals have taught so.
local function current_rate(pace_key, told_rate, now)
  local fields = redis.call('HMGET', pace_key, 'limited', 'hinted', 'hinted_until', 'hint_blocked')
  local learned = learned_rate(pace_key, now)
  if told_rate then
    -- A person's word: what the headers said holds nobody any more.
    if fields[4] then redis.call('HDEL', pace_key, 'hint_blocked', 'claim') end
    local told = told_rate * SHARE_OF_LIMIT
    return fields[1] and math.min(told, learned) or told
  end
  local hinted_for = (tonumber(fields[3]) or 0) - now
  if fields[2] and hinted_for > 0 and hinted_for <= LONGEST_HINT_MS then return tonumber(fields[2]) end
  return learned
end

local function count_booked(pace_key, turn)
  if redis.call('HINCRBY', pace_key, 'booked', 1) == 1 then redis.call('HSETNX', pace_key, 'cycle', turn) end
  for name, size in pairs({ fine = { FINE_MS, FINE_KEPT_MS }, coarse = { COARSE_MS, COARSE_KEPT_MS } }) do
    local key = pace_key .. ':' .. name
    local bucket = math.floor(turn / size[1])
    if redis.call('HINCRBY', key, bucket, 1) == 1 then
      redis.call('PEXPIRE', key, size[2] * 2)
      for _, old in ipairs(redis.call('HKEYS', key)) do
        if tonumber(old) < bucket - size[2] / size[1] then redis.call('HDEL', key, old) end
      end
    end
  end
end

-- How many reads that came due earlier still wait; those that did not come back are forgotten.
local function waiting_ahead(pace_key, now, member)
  local line, seen = pace_key .. ':line', pace_key .. ':seen'
  if redis.call('EXISTS', line) == 0 then return 0 end
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', now, 'LIMIT', 0, 100)) do
    redis.call('ZREM', line, gone)
    redis.call('ZREM', seen, gone)
  end
  -- Whoever is new comes due now, after all others.
  return redis.call('ZRANK', line, member) or redis.call('ZCARD', line)
end

local function leave_line(pace_key, member)
  if redis.call('ZREM', pace_key .. ':line', member) == 1 then redis.call('ZREM', pace_key .. ':seen', member) end
end

local function stand_in_line(pace_key, now, member, wait)
  redis.call('ZADD', pace_key .. ':line', 'NX', now, member)
  redis.call('ZADD', pace_key .. ':seen', now + wait + COME_BACK_WITHIN_MS, member)
end

-- When the next turn begins: `tat` as it stands in the pace's hash, `blocked` as `blocked_until` tells it.
local function next_turn(tat, blocked, now, interval)
  tat = tonumber(tat) or 0
  if tat > now + FURTHEST_TURN_MS + interval then tat = 0 end
  return math.max(now, tat, blocked)
end

local function book(pace_key, turn, interval)
  redis.call('HSET', pace_key, 'tat', turn + interval)
  count_booked(pace_key, turn)
end

-- A submission's turn: the wait in ms; or nil and the ms after which to ask again.
local function take_submit_turn(pace_key, rate, now, max_wait)
  local fields = redis.call('HMGET', pace_key, 'tat', 'blocked', 'reads', 'hint_blocked')
  local interval = 1000 / rate
  local turn = next_turn(fields[1], blocked_until(fields[2], fields[4], now), now, interval)
  local wait = turn - now
  if wait > 0 then redis.call('HSET', pace_key, 'scarce', now) end
  local ahead = max_wait
  if (tonumber(fields[3]) or 0) < READS_IN_A_ROW then
    ahead = math.min(max_wait, math.max(2 * interval, SUBMIT_AHEAD_MS))
    -- Reads that are told to come back when it is their turn come before it.
    if redis.call('EXISTS', pace_key .. ':line') == 1 then ahead = math.min(ahead, 0) end
  end
  if wait > ahead then
    redis.call('HSET', pace_key, 'wanted', now + WANTED_FOR_MS)
    return nil, math.max(1, wait - ahead)
  end
  redis.call('HSET', pace_key, 'reads', 0, 'wanted', 0)
  book(pace_key, turn, interval)
  return wait
end

-- A read's turn, the one that came due first before all others: the wait in ms; or nil and the ms after which
-- to come again. `member` is who asks, '' for one that stands in no line.
local function take_read_turn(pace_key, rate, now, max_wait, member)
  local fields = redis.call('HMGET', pace_key, 'tat', 'blocked', 'reads', 'wanted', 'hint_blocked')
  local interval = 1000 / rate
  local turn = next_turn(fields[1], blocked_until(fields[2], fields[5], now), now, interval)
  local wait = turn - now
  local reads, wanted = tonumber(fields[3]) or 0, (tonumber(fields[4]) or 0) > now
  local ahead = waiting_ahead(pace_key, now, member)
  local turns_free = wait <= max_wait and math.floor((max_wait - wait) / interval) + 1 or 0
  if ahead >= turns_free or (wanted and reads >= READS_IN_A_ROW) then
    local again = math.max(interval, wait - max_wait + ahead * interval)
    if member ~= '' then stand_in_line(pace_key, now, member, again) end
    return nil, again
  end
  if member ~= '' then leave_line(pace_key, member) end
  if wanted then redis.call('HINCRBY', pace_key, 'reads', 1) end
  book(pace_key, turn, interval)
  return wait
end

-- What limits the account right now: 'rate', 'in_flight' or 'none'.
local PRESSURE_LASTS_MS = 3000
local function pressure(pace_key, now)
  local fields = redis.call('HMGET', pace_key, 'scarce', 'full')
  local scarce, full = tonumber(fields[1]) or 0, tonumber(fields[2]) or 0
  if math.max(scarce, full) < now - PRESSURE_LASTS_MS then return 'none' end
  return full > scarce and 'in_flight' or 'rate'
end

-- The limits in force: of what live workers were told, the strictest counts.
-- A worker that has not been heard of for STALE_MS no longer counts and is forgotten.
-- Returns what nobody was told as nil: rate in requests a second, in-flight cap, and, where submissions and reads
-- are counted apart by the API, a rate for each.
local STALE_MS = 10000
local function limits_in_force(workers_key, now)
  local strictest = {}
  local entries = redis.call('HGETALL', workers_key)
  for i = 1, #entries, 2 do
    local values = {}
    for value in string.gmatch(entries[i + 1], '%S+') do table.insert(values, value) end
    if not tonumber(values[1]) or #values < 3 or now - tonumber(values[1]) > STALE_MS then
      redis.call('HDEL', workers_key, entries[i])
    else
      for told = 2, 5 do
        local value = tonumber(values[told])
        if value and (not strictest[told] or value < strictest[told]) then strictest[told] = value end
      end
    end
  end
  return strictest[2], strictest[3], strictest[4], strictest[5]
end

-- Whose pace a request keeps: 'submit' and 'read' share one unless they were told apart.
-- Returns the pace's key, the rate that was told for it or nil, and the in-flight cap that was told or nil.
local function pace_of(lane, pace_key, workers_key, now)
  local rate, in_flight, submit_rate, read_rate = limits_in_force(workers_key, now)
  if lane == 'submit' and (submit_rate or read_rate) then return pace_key .. ':submit', submit_rate or rate, in_flight end
  return pace_key, read_rate or rate, in_flight
end
