-- How the pace learns a limit that nobody told (S7): quick growth until the first refusal, then a step back to what
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
local function booked_between(pace, name, bucket_ms, since, till)
  local sum = 0
  local fields = redis.call('HGETALL', pace.key .. ':' .. name)
  fields[#fields + 1] = pace.fields[name .. '_at'] or 0
  fields[#fields + 1] = pace.fields[name .. '_count'] or 0
  for i = 1, #fields, 2 do
    local from = tonumber(fields[i]) * bucket_ms
    -- Of a bucket that lies across a border, the part that lies inside.
    local part = math.max(0, math.min(from + bucket_ms, till) - math.max(from, since)) / bucket_ms
    sum = sum + tonumber(fields[i + 1]) * part
  end
  return sum
end

-- Requests a second that the API let through before it refused one, for `block` ms until `ends`.
local function let_through(pace, now, rate, block, ends)
  local cycle = get(pace, 'cycle') or now
  if block <= SHORT_BLOCK_MS then
    local window = math.min(JUDGE_AT_MOST_MS, math.max(1000, TURNS_TO_JUDGE * 1000 / rate))
    window = math.max(1000, math.min(window, now - cycle))
    if rate * window / 1000 < TOO_FEW_TURNS then return rate * STEP_BACK_UNJUDGED end
    return math.max(0, booked_between(pace, 'fine', FINE_MS, now - window, now) - 1) * 1000 / window
  end
  if ends - cycle <= 3 * block then
    local taken = (get(pace, 'booked') or 1) - (get(pace, 'cycle_booked') or 0) - 1
    return math.max(0, taken) * 1000 / math.max(1, ends - cycle)
  end
  local window = 3 * block
  return math.max(0, booked_between(pace, 'coarse', COARSE_MS, ends - window, now) - 1) * 1000 / window
end

-- A limit that is met at the same rate again and again is known: it is held longer each time.
local function remember(pace, now, rate)
  local ceiling = get(pace, 'ceiling')
  local near = ceiling and math.abs(rate / ceiling - 1) < 0.15
  local repeats = near and math.min(MOST_REPEATS, (get(pace, 'repeats') or 0) + 1) or 0
  local more = 2 ^ repeats
  local hold = math.max(HOLD_MS, 2 * (get(pace, 'longest') or 0)) * more
  set(pace, 'ceiling', rate, 'repeats', repeats, 'limited', 1,
    'hold_until', now + hold, 'hold_booked', (get(pace, 'booked') or 0) + HOLD_TURNS * more)
end

-- The rate to go on with after an event that began at `rate`.
local function step_back(pace, now, rate, event, ends)
  local block = ends - event
  local through = let_through(pace, now, rate, block, ends)
  if block > SHORT_BLOCK_MS then
    local cycle = get(pace, 'cycle') or now
    if block > 0.1 * (ends - cycle) then return math.min(rate * STEP_BACK, through * STEP_BACK_REPEATED) end
  end
  local repeated = (get(pace, 'repeats') or 0) > 0
  return math.max(rate * 0.5, math.min(rate * (repeated and STEP_BACK_REPEATED or STEP_BACK), through))
end

-- Whether a refusal at a told rate is the first in a while: then the person is believed.
local function first_doubt(pace, now)
  local doubted, doubted_booked = get(pace, 'doubted') or 0, get(pace, 'doubted_booked') or -DOUBT_TOLD_TURNS
  local booked = get(pace, 'booked') or 0
  set(pace, 'doubted', now, 'doubted_booked', booked)
  if pace.fields.limited then return false end
  return now - doubted > DOUBT_TOLD_MS and booked - doubted_booked >= DOUBT_TOLD_TURNS
end

-- Returns the ms for which no request is sent.
local function learn_refusal(pace, told, now, retry_after, random)
  local refusals, blocked = get(pace, 'refusals') or 0, blocked_until(pace.fields.blocked, nil, now)
  set(pace, 'refused', (get(pace, 'refused') or 0) + 1)
  -- From here on the refusal says how long nothing is sent, and not the headers before it.
  drop(pace, 'hint_blocked', 'claim')
  if now < blocked then
    -- It was on its way when the first was refused: part of the same event.
    if retry_after then blocked = math.max(blocked, now + retry_after) end
    set(pace, 'blocked', blocked)
    return blocked - now
  end
  local backoff = math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ^ refusals) * (0.5 + 0.5 * random)
  local wait = math.max(SHORTEST_BLOCK_MS, retry_after or backoff)
  -- Turns that were given for the time of the block are void: they are asked for again.
  set(pace, 'blocked', now + wait, 'tat', now + wait, 'refusals', refusals + 1)
  if refusals == 0 then
    set(pace, 'event', now, 'event_rate', current_rate(pace, told, now), 'remembered', 0)
  end
  if told and first_doubt(pace, now) then return wait end
  local event, event_rate = get(pace, 'event') or now, get(pace, 'event_rate') or START_RATE
  -- Where nobody said when the block ends, it is taken to end half-way to the next try.
  local ends = now + (retry_after and wait or wait / 2)
  if get(pace, 'remembered') ~= 1 then
    remember(pace, now + wait, event_rate)
    set(pace, 'remembered', 1)
  end
  local lowered = step_back(pace, now, event_rate, event, ends)
  local longest = math.max(ends - event, get(pace, 'longest') or 0)
  set(pace, 'longest', longest, 'rate', math.max(LOWEST_RATE, lowered), 'learned', now, 'beyond', 0)
  drop(pace, 'hinted')
  return wait
end

-- A request was let through after a block: the next refusal is another event.
local function end_event(pace, now)
  if (get(pace, 'refusals') or 0) == 0 or now < (get(pace, 'blocked') or 0) then return end
  set(pace, 'refusals', 0, 'cycle', pace.fields.blocked, 'cycle_booked', (get(pace, 'booked') or 1) - 1)
end

-- The headers said that nothing was left, and the API let a request through: for an hour they are left alone.
local DOUBT_HINTS_MS = 3600000
local function doubt_hints(pace, now)
  drop(pace, 'hinted', 'hinted_until', 'hint_blocked', 'claim', 'window', 'long_end', 'long_since')
  set(pace, 'hints_doubted', now + DOUBT_HINTS_MS)
  -- The rate was what they made it: it is learned anew, or from where a refusal has taught it.
  local ceiling = get(pace, 'ceiling')
  if ceiling then set(pace, 'rate', math.max(LOWEST_RATE, ceiling * STEP_BACK), 'learned', now)
  else drop(pace, 'rate', 'learned') end
end

-- Whether the end of a long window stands still while time goes by: where the unit is another one, or the header says
-- how long windows are and not what is left of this one, it moves.
local STEADY_FOR_MS, STEADY_BY_MS = 5000, 2000
local function counts_down(pace, now, ends)
  if math.abs(ends - (get(pace, 'long_end') or 0)) <= STEADY_BY_MS then
    return now - (get(pace, 'long_since') or now) >= STEADY_FOR_MS
  end
  set(pace, 'long_end', ends, 'long_since', now)
  return false
end

-- The rate that the headers say, if they say one.
local COARSE_RESET_MS, SLOWEST_LONG_HINT = 2000, 0.1
local function hinted_rate(pace, now, hint)
  local spread = hint.left and hint.left * 1000 / hint.reset
  if hint.reset > LONGEST_HINT_MS then
    return counts_down(pace, now, now + hint.reset) and spread and math.max(SLOWEST_LONG_HINT, spread)
  end
  -- The longest time to a new window that was ever seen comes close to the window's length.
  local seen = math.min(LONGEST_HINT_MS, get(pace, 'window') or 0)
  local window = math.max(1000, hint.reset, seen)
  set(pace, 'window', window)
  -- Whole seconds say little of a short rest: there, the window as a whole counts.
  if spread and hint.reset > COARSE_RESET_MS then return spread end
  return hint.limit and hint.limit * 1000 / window
end

-- Believes the API's own headers while they are fresh, and as far as it keeps to them itself: no documentation says
-- what they mean. Returns whether they say a rate.
local TRUST_HINT_MS = 10000
local function take_hint(pace, now, hint)
  if not hint.reset or not (hint.left or hint.limit) then return false end
  if (get(pace, 'hints_doubted') or 0) > now then return false end
  local claim, held, limited = get(pace, 'claim') or 0, get(pace, 'hint_blocked') or 0, pace.fields.limited
  -- Whole seconds may be one too many.
  if claim > now + 1000 then
    if now < held then return true end
    doubt_hints(pace, now)
    return false
  end
  if hint.left == 0 then
    set(pace, 'claim', now + hint.reset, 'hint_blocked', now + math.min(hint.reset, HINT_HOLD_MS))
    return true
  end
  local rate = hinted_rate(pace, now, hint)
  if not rate then return false end
  rate = math.min(HIGHEST_RATE, math.max(LOWEST_RATE, rate * SHARE_OF_LIMIT))
  -- Refusals have the last word: headers that promise more than goes through raise nothing.
  local refused_above = limited and learned_rate(pace, now)
  if refused_above then rate = math.min(rate, refused_above)
  else set(pace, 'rate', rate, 'learned', now) end
  set(pace, 'hinted', rate, 'hinted_until', now + math.max(TRUST_HINT_MS, math.min(hint.reset, LONGEST_HINT_MS)))
  return not refused_above
end

-- A step up, where somebody waits for turns at all.
local function raise(pace, told, now)
  local function field(name) return get(pace, name) or 0 end
  if field('scarce') < now - 1000 then return end
  local limited, ceiling, beyond = pace.fields.limited, field('ceiling'), field('beyond')
  local booked, since_raised = field('booked'), now - field('raised')
  local rate = learned_rate(pace, now)
  local raised
  if not limited then
    if since_raised < 1000 then return end
    raised = rate * GROWTH
  else
    if now < field('hold_until') or booked < field('hold_booked') then return end
    local every = math.max(STEP_EVERY_MS, field('longest') / 2)
    if since_raised < every or booked - field('raised_booked') < STEP_EVERY_TURNS then return end
    -- Past the rate that was refused last, the limit has gone up: steps grow.
    if rate > ceiling * 1.05 then beyond = beyond + 1 end
    local step = rate < ceiling * WELL_BELOW and LONG_STEP or STEP
    raised = rate * (1 + step * GROWTH ^ beyond)
  end
  set(pace, 'rate', math.min(HIGHEST_RATE, raised), 'raised', now, 'raised_booked', booked, 'learned', now,
    'beyond', beyond)
  -- Back at what was told: refusals have nothing more to say.
  if told and raised >= told * SHARE_OF_LIMIT then drop(pace, 'limited', 'ceiling', 'repeats') end
end
