-- One smooth pace for every request of an account (S7): GCRA, where a taker is told its turn.
-- Fields of the pace hash:
--   tat        ms, when the next turn begins          blocked   ms, no request before
--   rate       learned, requests a second             learned   ms, when it last changed
--   limited    1 once a refusal has taught something  hinted, hinted_until: what the API's own headers allow
--   booked     turns given so far                     reads     reads in a row while submissions wanted a turn
--   hint_blocked, claim: no request before the first, because the API's headers said that none is left until the second
--   wanted     until when submissions want a turn     scarce, full: ms, when a submission last waited for the
--                                                     pace, or for a place in flight
--   lined      until when a read may stand in the line below
--   told       what live workers were told, see `heartbeat.lua`; hints: 'taken' while one of them takes hints
--   fine_at, fine_count, coarse_at, coarse_count: turns in the latest bucket of each size
-- Beside it, under its key: `:line` and `:seen` (sorted sets: reads that wait for turns, since when they are due, and
-- until when they are to come back), `:fine` and `:coarse` (hashes: turns of earlier buckets, by their time), `:submit`
-- (the pace of submissions, where they are counted apart).
--include places
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

-- A script reads the pace's hash once, and writes through what it sets in it.
local function read_pace(key)
  local pace, entries = { key = key, fields = {} }, redis.call('HGETALL', key)
  for i = 1, #entries, 2 do pace.fields[entries[i]] = entries[i + 1] end
  return pace
end

local function get(pace, name) return tonumber(pace.fields[name]) end

local function set(pace, ...)
  redis.call('HSET', pace.key, ...)
  local named = { ... }
  for i = 1, #named, 2 do pace.fields[named[i]] = named[i + 1] end
end

local function drop(pace, ...)
  local there = {}
  for _, name in ipairs({ ... }) do
    if pace.fields[name] then there[#there + 1] = name end
    pace.fields[name] = nil
  end
  if #there > 0 then redis.call('HDEL', pace.key, unpack(there)) end
end

local function learned_rate(pace, now)
  local rate = get(pace, 'rate')
  if rate and now - (get(pace, 'learned') or 0) > FORGET_AFTER_MS then
    rate = rate * OLD_SHARE
    set(pace, 'rate', rate, 'learned', now)
    drop(pace, 'limited', 'ceiling', 'repeats')
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
local function current_rate(pace, told_rate, now)
  local limited = pace.fields.limited
  local learned = learned_rate(pace, now)
  if told_rate then
    -- A person's word: what the headers said holds nobody any more.
    if pace.fields.hint_blocked then drop(pace, 'hint_blocked', 'claim') end
    local told = told_rate * SHARE_OF_LIMIT
    return limited and math.min(told, learned) or told
  end
  local hinted, hinted_for = get(pace, 'hinted'), (get(pace, 'hinted_until') or 0) - now
  if hinted and hinted_for > 0 and hinted_for <= LONGEST_HINT_MS then return hinted end
  return learned
end

local function keep_bucket(key, bucket, count, size, kept)
  redis.call('HINCRBY', key, bucket, count)
  redis.call('PEXPIRE', key, kept * 2)
  for _, old in ipairs(redis.call('HKEYS', key)) do
    if tonumber(old) < bucket - kept / size then redis.call('HDEL', key, old) end
  end
end

-- Takes the turn, together with what else changes by it.
local function book(pace, turn, interval, ...)
  local booked = (get(pace, 'booked') or 0) + 1
  local changed = { 'tat', turn + interval, 'booked', booked, ... }
  for name, size in pairs({ fine = { FINE_MS, FINE_KEPT_MS }, coarse = { COARSE_MS, COARSE_KEPT_MS } }) do
    local bucket, at = math.floor(turn / size[1]), get(pace, name .. '_at')
    local count = get(pace, name .. '_count') or 0
    if at ~= bucket then
      if at then keep_bucket(pace.key .. ':' .. name, at, count, size[1], size[2]) end
      count = 0
    end
    for _, value in ipairs({ name .. '_at', bucket, name .. '_count', count + 1 }) do changed[#changed + 1] = value end
  end
  if booked == 1 and not pace.fields.cycle then
    changed[#changed + 1] = 'cycle'
    changed[#changed + 1] = turn
  end
  set(pace, unpack(changed))
end

-- Whether reads stand in line.
local function is_line(pace, now)
  return (get(pace, 'lined') or 0) > now and redis.call('EXISTS', pace.key .. ':line') == 1
end

-- How many reads that came due earlier still wait, nil where none does; those that did not come back are forgotten.
local function waiting_ahead(pace, now, member)
  local line, seen = pace.key .. ':line', pace.key .. ':seen'
  if not is_line(pace, now) then return nil end
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', now, 'LIMIT', 0, 100)) do
    redis.call('ZREM', line, gone)
    redis.call('ZREM', seen, gone)
  end
  -- Whoever is new comes due now, after all others.
  return redis.call('ZRANK', line, member) or redis.call('ZCARD', line)
end

local function leave_line(pace, member)
  if redis.call('ZREM', pace.key .. ':line', member) == 1 then redis.call('ZREM', pace.key .. ':seen', member) end
end

local function stand_in_line(pace, now, member, wait)
  redis.call('ZADD', pace.key .. ':line', 'NX', now, member)
  local back = now + wait + COME_BACK_WITHIN_MS
  redis.call('ZADD', pace.key .. ':seen', back, member)
  if back > (get(pace, 'lined') or 0) then set(pace, 'lined', back) end
end

-- When the next turn begins.
local function next_turn(pace, now, interval)
  local tat = get(pace, 'tat') or 0
  if tat > now + FURTHEST_TURN_MS + interval then tat = 0 end
  return math.max(now, tat, blocked_until(pace.fields.blocked, pace.fields.hint_blocked, now))
end

-- A submission's turn: the wait in ms; or nil and the ms after which to ask again.
local function take_submit_turn(pace, rate, now, max_wait)
  local interval = 1000 / rate
  local turn = next_turn(pace, now, interval)
  local wait = turn - now
  if wait > 0 then set(pace, 'scarce', now) end
  local ahead = max_wait
  if (get(pace, 'reads') or 0) < READS_IN_A_ROW then
    ahead = math.min(max_wait, math.max(2 * interval, SUBMIT_AHEAD_MS))
    -- Reads that are told to come back when it is their turn come before it.
    if is_line(pace, now) then ahead = math.min(ahead, 0) end
  end
  if wait > ahead then
    set(pace, 'wanted', now + WANTED_FOR_MS)
    return nil, math.max(1, wait - ahead)
  end
  book(pace, turn, interval, 'reads', 0, 'wanted', 0)
  return wait
end

-- A read's turn, the one that came due first before all others: the wait in ms; or nil and the ms after which
-- to come again. `member` is who asks, '' for one that stands in no line.
local function take_read_turn(pace, rate, now, max_wait, member)
  local interval = 1000 / rate
  local turn = next_turn(pace, now, interval)
  local wait = turn - now
  local reads, wanted = get(pace, 'reads') or 0, (get(pace, 'wanted') or 0) > now
  local line = waiting_ahead(pace, now, member)
  local ahead = line or 0
  local turns_free = wait <= max_wait and math.floor((max_wait - wait) / interval) + 1 or 0
  if ahead >= turns_free or (wanted and reads >= READS_IN_A_ROW) then
    local again = math.max(interval, wait - max_wait + ahead * interval)
    if member ~= '' then stand_in_line(pace, now, member, again) end
    return nil, again
  end
  if line and member ~= '' then leave_line(pace, member) end
  book(pace, turn, interval, 'reads', wanted and reads + 1 or reads)
  return wait
end

-- What limits the account right now: 'rate', 'in_flight' or 'none'. Whoever waits for a turn that is far does not ask again
-- before it, nor whoever waits for a place before one is given back, or for FULL_LASTS_MS.
local PRESSURE_LASTS_MS = 3000
local function pressure(pace, now)
  local scarce, full = get(pace, 'scarce') or 0, get(pace, 'full') or 0
  if scarce > 0 and (get(pace, 'tat') or 0) > now + PRESSURE_LASTS_MS then scarce = now end
  local is_scarce, is_full = scarce >= now - PRESSURE_LASTS_MS, full >= now - FULL_LASTS_MS
  if is_scarce and is_full then return full > scarce and 'in_flight' or 'rate' end
  return is_scarce and 'rate' or is_full and 'in_flight' or 'none'
end

-- The limits in force: the strictest of what live workers were told, as the latest heartbeat found them.
-- A worker that has not been heard of for STALE_MS no longer counts.
-- Returns what nobody was told as nil: rate in requests a second, in-flight cap, and, where submissions and reads
-- are counted apart by the API, a rate for each.
local STALE_MS = 7500
local function limits_in_force(pace, now)
  local at, rate, in_flight, submit_rate, read_rate =
    string.match(pace.fields.told or '', '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
  if not tonumber(at) or now - tonumber(at) > STALE_MS then return end
  return tonumber(rate), tonumber(in_flight), tonumber(submit_rate), tonumber(read_rate)
end

-- Whose pace a request keeps: 'submit' and 'read' share one unless they were told apart.
-- Returns the pace, the rate that was told for it or nil, the in-flight cap that was told or nil, and the shared pace.
local function pace_of(lane, pace_key, now)
  local shared = read_pace(pace_key)
  local rate, in_flight, submit_rate, read_rate = limits_in_force(shared, now)
  if lane == 'submit' and (submit_rate or read_rate) then
    return read_pace(pace_key .. ':submit'), submit_rate or rate, in_flight, shared
  end
  return shared, read_rate or rate, in_flight, shared
end
