-- How the pace learns a limit that nobody told: quick growth until the first refusal, then a step back to what
-- the API let through, a long hold there, and careful steps up.
-- Fields of the pace hash besides those of pace.lua:
--   refusals      in a row          event, event_rate, remembered: when the first of them came, at which rate,
--                                   and 1 once that rate is the ceiling
--   cycle         ms, since when the API let requests through without a refusal
--   ceiling       the rate at which it refused last     repeats   how often it did so near the same rate
--   hold_until, hold_booked: no step up before that time and that many turns
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
  local refusals, blocked = tonumber(fields[1]) or 0, tonumber(fields[2]) or 0
  redis.call('HINCRBY', pace_key, 'refused', 1)
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

-- Believes the API's own headers while they are fresh. Returns whether they say a rate.
local TRUST_HINT_MS, COARSE_RESET_MS = 10000, 2000
local function take_hint(pace_key, now, hint)
  if not hint.reset or not (hint.left or hint.limit) then return false end
  if hint.left == 0 then
    local blocked = math.max(tonumber(redis.call('HGET', pace_key, 'blocked')) or 0, now + hint.reset)
    redis.call('HSET', pace_key, 'blocked', blocked)
  end
  -- The longest time to a new window that was ever seen comes close to the window's length.
  local window = math.max(1000, hint.reset, tonumber(redis.call('HGET', pace_key, 'window')) or 0)
  redis.call('HSET', pace_key, 'window', window)
  local rate
  -- Whole seconds say little of a short rest: there, the window as a whole counts.
  if hint.left and hint.reset > COARSE_RESET_MS then rate = math.max(1, hint.left) * 1000 / hint.reset
  elseif hint.limit then rate = hint.limit * 1000 / window end
  if not rate then return false end
  rate = math.min(HIGHEST_RATE, math.max(LOWEST_RATE, rate * SHARE_OF_LIMIT))
  redis.call('HSET', pace_key, 'hinted', rate, 'hinted_until', now + math.max(TRUST_HINT_MS, hint.reset),
    'rate', rate, 'learned', now)
  return true
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
