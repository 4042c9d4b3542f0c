-- How the pace learns a limit that nobody told: quick growth until the first refusal, then a step back to what
-- the API let through, a long hold there, and careful steps up.
-- Fields of the pace hash besides those of pace.lua:
--   refusals      in a row          event, event_rate, remembered: when the first of them came, at which rate,
--                                   and 1 once that rate is the ceiling
--   cycle         ms, since when the API let requests through without a refusal
--   ceiling       the rate at which it refused last     repeats   how often it did so near the same rate
--   hold_until, hold_booked: no step up before that time and that many turns
--   window        the longest time to a new window that headers said, of those that are believed at once
--   long_end, long_since: the end that they said of a longer one, and since when they say so
--   hints_doubted until when they are not believed
--   raised, raised_booked: when and at which count of turns the rate last went up
local BACKOFF_FIRST_MS, BACKOFF_MAX_MS = 2000, 30000
-- A Retry-After of zero would only bring the next refusal.
local SHORTEST_BLOCK_MS = 250
-- A block that is over sooner is a limit per second; a longer one is a window of which its length is a part.
local SHORT_BLOCK_MS = 2000
local GROWTH, STEP = 1.25, 0.02
-- Well below the rate that was refused last, steps are longer.
local LONG_STEP, WELL_BELOW = 0.05, 0.93
local STEP_EVERY_MS, STEP_EVERY_TURNS = 2000, 20
local HOLD_MS, HOLD_TURNS, MOST_REPEATS = 20000, 50, 4
local STEP_BACK, STEP_BACK_REPEATED = 0.9, 0.95
-- What went through lately is judged by so many turns; of fewer than some, nothing can be said.
local TURNS_TO_JUDGE, JUDGE_AT_MOST_MS, TOO_FEW_TURNS, STEP_BACK_UNJUDGED = 20, 10000, 5, 0.8
-- One refusal at a told rate may be a late timer; another one this soon is not.
local DOUBT_TOLD_MS, DOUBT_TOLD_TURNS = 60000, 200

-- Turns that were given for the time between two moments.
local function booked_between(pace_key, name, bucket_ms, since, till)
  local sum = 0
  local fields = redis.call('HGETALL', pace_key .. ':' .. name)
  for i = 1, #fields, 2 do
    local from = tonumber(fields[i]) * bucket_ms
    -- Of a bucket that lies across a border, the part that lies inside.
    local part = math.max(0, math.min(from + bucket_ms, till) - math.max(from, since)) / bucket_ms
    sum = sum + tonumber(fields[i + 1]) * part
  end
  return sum
end

-- Requests a second that the API let through before it refused one, for `block` ms until `ends`.
local function let_through(pace_key, now, rate, block, ends)
  local fields = redis.call('HMGET', pace_key, 'cycle', 'cycle_booked', 'booked')
  local cycle = tonumber(fields[1]) or now
  if block <= SHORT_BLOCK_MS then
    local window = math.min(JUDGE_AT_MOST_MS, math.max(1000, TURNS_TO_JUDGE * 1000 / rate))
    window = math.max(1000, math.min(window, now - cycle))
    if rate * window / 1000 < TOO_FEW_TURNS then return rate * STEP_BACK_UNJUDGED end
    return math.max(0, booked_between(pace_key, 'fine', FINE_MS, now - window, now) - 1) * 1000 / window
  end
  if ends - cycle <= 3 * block then
    local taken = (tonumber(fields[3]) or 1) - (tonumber(fields[2]) or 0) - 1
    return math.max(0, taken) * 1000 / math.max(1, ends - cycle)
  end
  local window = 3 * block
  return math.max(0, booked_between(pace_key, 'coarse', COARSE_MS, ends - window, now) - 1) * 1000 / window
end

-- A limit that is met at the same rate again and again is known: it is held longer each time.
local function remember(pace_key, now, rate)
  local fields = redis.call('HMGET', pace_key, 'ceiling', 'repeats', 'booked', 'longest')
  local ceiling = tonumber(fields[1])
  local near = ceiling and math.abs(rate / ceiling - 1) < 0.15
  local repeats = near and math.min(MOST_REPEATS, (tonumber(fields[2]) or 0) + 1) or 0
  local more = 2 ^ repeats
  local hold = math.max(HOLD_MS, 2 * (tonumber(fields[4]) or 0)) * more
  redis.call('HSET', pace_key, 'ceiling', rate, 'repeats', repeats, 'limited', 1,
    'hold_until', now + hold, 'hold_booked', (tonumber(fields[3]) or 0) + HOLD_TURNS * more)
end

-- The rate to go on with after an event that began at `rate`.
local function step_back(pace_key, now, rate, event, ends)
  local block = ends - event
  local through = let_through(pace_key, now, rate, block, ends)
  if block > SHORT_BLOCK_MS then
    local cycle = tonumber(redis.call('HGET', pace_key, 'cycle')) or now
    if block > 0.1 * (ends - cycle) then return math.min(rate * STEP_BACK, through * STEP_BACK_REPEATED) end
  end
  local repeated = (tonumber(redis.call('HGET', pace_key, 'repeats')) or 0) > 0
  return math.max(rate * 0.5, math.min(rate * (repeated and STEP_BACK_REPEATED or STEP_BACK), through))
end

-- Whether a refusal at a told rate is the first in a while: then the person is believed.
local function first_doubt(pace_key, now)
  local fields = redis.call('HMGET', pace_key, 'doubted', 'doubted_booked', 'booked', 'limited')
  local booked = tonumber(fields[3]) or 0
  redis.call('HSET', pace_key, 'doubted', now, 'doubted_booked', booked)
  if fields[4] then return false end
  return now - (tonumber(fields[1]) or 0) > DOUBT_TOLD_MS and booked - (tonumber(fields[2]) or -DOUBT_TOLD_TURNS) >= DOUBT_TOLD_TURNS
end

-- Returns the ms for which no request is sent.
local function learn_refusal(pace_key, told, now, retry_after, random)
  local fields = redis.call('HMGET', pace_key, 'refusals', 'blocked')
  local refusals, blocked = tonumber(fields[1]) or 0, blocked_until(fields[2], nil, now)
  redis.call('HINCRBY', pace_key, 'refused', 1)
  -- From here on the refusal says how long nothing is sent, and not the headers before it.
  redis.call('HDEL', pace_key, 'hint_blocked', 'claim')
  if now < blocked then
    -- It was on its way when the first was refused: part of the same event.
    if retry_after then blocked = math.max(blocked, now + retry_after) end
    redis.call('HSET', pace_key, 'blocked', blocked)
    return blocked - now
  end
  local backoff = math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ^ refusals) * (0.5 + 0.5 * random)
  local wait = math.max(SHORTEST_BLOCK_MS, retry_after or backoff)
  -- Turns that were given for the time of the block are void: they are asked for again.
  redis.call('HSET', pace_key, 'blocked', now + wait, 'tat', now + wait, 'refusals', refusals + 1)
  if refusals == 0 then
    redis.call('HSET', pace_key, 'event', now, 'event_rate', current_rate(pace_key, told, now), 'remembered', 0)
  end
  if told and first_doubt(pace_key, now) then return wait end
  local began = redis.call('HMGET', pace_key, 'event', 'event_rate', 'remembered')
  local event, event_rate = tonumber(began[1]) or now, tonumber(began[2]) or START_RATE
  -- Where nobody said when the block ends, it is taken to end half-way to the next try.
  local ends = now + (retry_after and wait or wait / 2)
  if began[3] ~= '1' then
    remember(pace_key, now + wait, event_rate)
    redis.call('HSET', pace_key, 'remembered', 1)
  end
  local lowered = step_back(pace_key, now, event_rate, event, ends)
  local longest = math.max(ends - event, tonumber(redis.call('HGET', pace_key, 'longest')) or 0)
  redis.call('HSET', pace_key, 'longest', longest, 'rate', math.max(LOWEST_RATE, lowered), 'learned', now, 'beyond', 0)
  redis.call('HDEL', pace_key, 'hinted')
  return wait
end

-- A request was let through after a block: the next refusal is another event.
local function end_event(pace_key, now)
  local fields = redis.call('HMGET', pace_key, 'refusals', 'blocked', 'booked')
  if (tonumber(fields[1]) or 0) == 0 or now < (tonumber(fields[2]) or 0) then return end
  redis.call('HSET', pace_key, 'refusals', 0, 'cycle', fields[2],
    'cycle_booked', (tonumber(fields[3]) or 1) - 1)
end

-- The headers said that nothing was left, and the API let a request through: for an hour they are left alone.
local DOUBT_HINTS_MS = 3600000
local function doubt_hints(pace_key, now)
  redis.call('HDEL', pace_key, 'hinted', 'hinted_until', 'hint_blocked', 'claim', 'window', 'long_end', 'long_since')
  redis.call('HSET', pace_key, 'hints_doubted', now + DOUBT_HINTS_MS)
  -- The rate was what they made it: it is learned anew, or from where a refusal has taught it.
  local ceiling = tonumber(redis.call('HGET', pace_key, 'ceiling'))
  if ceiling then redis.call('HSET', pace_key, 'rate', math.max(LOWEST_RATE, ceiling * STEP_BACK), 'learned', now)
  else redis.call('HDEL', pace_key, 'rate', 'learned') end
end

-- Whether the end of a long window stands still while time goes by: where the unit is another one, or the header says
-- how long windows are and not what is left of this one, it moves.
local STEADY_FOR_MS, STEADY_BY_MS = 5000, 2000
local function counts_down(pace_key, now, ends)
  local fields = redis.call('HMGET', pace_key, 'long_end', 'long_since')
  if math.abs(ends - (tonumber(fields[1]) or 0)) <= STEADY_BY_MS then
    return now - (tonumber(fields[2]) or now) >= STEADY_FOR_MS
  end
  redis.call('HSET', pace_key, 'long_end', ends, 'long_since', now)
  return false
end

-- The rate that the headers say, if they say one.
local COARSE_RESET_MS, SLOWEST_LONG_HINT = 2000, 0.1
local function hinted_rate(pace_key, now, hint)
  local spread = hint.left and hint.left * 1000 / hint.reset
  if hint.reset > LONGEST_HINT_MS then
    return counts_down(pace_key, now, now + hint.reset) and spread and math.max(SLOWEST_LONG_HINT, spread)
  end
  -- The longest time to a new window that was ever seen comes close to the window's length.
  local seen = math.min(LONGEST_HINT_MS, tonumber(redis.call('HGET', pace_key, 'window')) or 0)
  local window = math.max(1000, hint.reset, seen)
  redis.call('HSET', pace_key, 'window', window)
  -- Whole seconds say little of a short rest: there, the window as a whole counts.
  if spread and hint.reset > COARSE_RESET_MS then return spread end
  return hint.limit and hint.limit * 1000 / window
end

-- Believes the API's own headers while they are fresh, and as far as it keeps to them itself: no documentation says
-- what they mean. Returns whether they say a rate.
local TRUST_HINT_MS = 10000
local function take_hint(pace_key, now, hint)
  if not hint.reset or not (hint.left or hint.limit) then return false end
  local fields = redis.call('HMGET', pace_key, 'hints_doubted', 'claim', 'hint_blocked', 'limited')
  if (tonumber(fields[1]) or 0) > now then return false end
  local claim, held = tonumber(fields[2]) or 0, tonumber(fields[3]) or 0
  -- Whole seconds may be one too many.
  if claim > now + 1000 then
    if now < held then return true end
    doubt_hints(pace_key, now)
    return false
  end
  if hint.left == 0 then
    redis.call('HSET', pace_key, 'claim', now + hint.reset, 'hint_blocked', now + math.min(hint.reset, HINT_HOLD_MS))
    return true
  end
  local rate = hinted_rate(pace_key, now, hint)
  if not rate then return false end
  rate = math.min(HIGHEST_RATE, math.max(LOWEST_RATE, rate * SHARE_OF_LIMIT))
  -- Refusals have the last word: headers that promise more than goes through raise nothing.
  local refused_above = fields[4] and learned_rate(pace_key, now)
  if refused_above then rate = math.min(rate, refused_above)
  else redis.call('HSET', pace_key, 'rate', rate, 'learned', now) end
  redis.call('HSET', pace_key, 'hinted', rate, 'hinted_until', now + math.max(TRUST_HINT_MS, math.min(hint.reset, LONGEST_HINT_MS)))
  return not refused_above
end

-- A step up, where somebody waits for turns at all.
local function raise(pace_key, told, now)
  local fields = redis.call('HMGET', pace_key, 'scarce', 'raised', 'raised_booked', 'booked', 'limited', 'hold_until',
    'hold_booked', 'ceiling', 'beyond', 'longest')
  local function field(i) return tonumber(fields[i]) or 0 end
  if field(1) < now - 1000 then return end
  local rate, beyond = learned_rate(pace_key, now), field(9)
  local raised
  if not fields[5] then
    if now - field(2) < 1000 then return end
    raised = rate * GROWTH
  else
    if now < field(6) or field(4) < field(7) then return end
    local every = math.max(STEP_EVERY_MS, field(10) / 2)
    if now - field(2) < every or field(4) - field(3) < STEP_EVERY_TURNS then return end
    -- Past the rate that was refused last, the limit has gone up: steps grow.
    if rate > field(8) * 1.05 then beyond = beyond + 1 end
    local step = rate < field(8) * WELL_BELOW and LONG_STEP or STEP
    raised = rate * (1 + step * GROWTH ^ beyond)
  end
  redis.call('HSET', pace_key, 'rate', math.min(HIGHEST_RATE, raised), 'raised', now, 'raised_booked', field(4),
    'learned', now, 'beyond', beyond)
  -- Back at what was told: refusals have nothing more to say.
  if told and raised >= told * SHARE_OF_LIMIT then redis.call('HDEL', pace_key, 'limited', 'ceiling', 'repeats') end
end
