-- The one place that says whether a submission may be sent: stage (S1), holds, in-flight cap and pace (S7)
-- are looked at and taken together, so that nothing is taken for a request that is not sent.
-- KEYS: 1 meta, 2 state, 3 pace, 4 in-flight, 5 gate, 6 workers, 7 reservations, 8 prices, 9 firsts, 10 what a day's key begins with, 11 BullMQ's own of the submit queue, 12 clock
-- ARGV: 1 brief id, 2 attempt, 3 in-flight member, 4 longest wait for a turn (ms), 5 in-flight cap when none was told,
--       6 price kind, 7 credits to reserve while no price of that kind is known, 8 least that it can cost,
--       9 when the batch was created, as the asker knows it
-- Returns {'go', wait ms, now ms, state, probe, credits reserved, spacing ms, earlier}   probe: credits, recovery or none;
--             earlier: 'open' where a send of this attempt may have been taken before, else 'none'
--         {'passed', state}             another step has it, or another attempt
--         {'wait', ms, reason}          ask again then: in_flight, pace, credits, api_down, first_price, cap, day_cap, paused, other_life
--         {'halted', code}              the key is refused: a person must act
--         {'stopped'}                   the batch takes no more submissions
--include now
--include pace
--include places
--include credits
local PROBE_LEASE_MS = 30000
local FIRST_ALONE_MS = 5000
-- Nobody may be looking at a task any more (its batch was left): after the longest deadline (S3) it counts as over.
local LONGEST_TASK_MS = 3600000
local id = ARGV[1]
local text = redis.call('HGET', KEYS[2], id)
if not text then return { 'passed', '' } end
local stage, attempt, fingerprint, rest = string.match(text, '^(%a+)|(%d+)|(%x+)|(.*)$')
if attempt ~= ARGV[2] or (stage ~= 'admitted' and stage ~= 'submitting') then return { 'passed', text } end
local batch = redis.call('HMGET', KEYS[1], 'cancelled', 'createdAt', 'forced', 'max_credits', 'max_credits_per_day',
  'spent', 'reserved', 'capped')
-- Something has taken the batch away, but for its briefs: its state is missing.
if not batch[2] then return { 'passed', '' } end
-- The asker's batch is gone, and another of its name was queued meanwhile: folder and nonce are not that one's.
if batch[2] ~= ARGV[9] then return { 'wait', 1000, 'other_life' } end
if batch[1] and stage == 'admitted' then return { 'stopped' } end
-- One that a worker has taken already is held back too.
if stage == 'admitted' and redis.call('HEXISTS', KEYS[11], 'paused') == 1 then return { 'wait', 1000, 'paused' } end

local now = now_ms()
local gate = redis.call('HMGET', KEYS[5], 'halted', 'parked', 'probe_at', 'down_until')
if gate[1] then return { 'halted', gate[1] } end
local down = (tonumber(gate[4]) or 0) - now
if down > 0 then return { 'wait', down, 'api_down' } end
local probe = gate[4] and 'recovery' or 'none'
if gate[2] then
  local probe_in = (tonumber(gate[3]) or 0) - now
  if probe_in > 0 then return { 'wait', probe_in, 'credits' } end
  probe = 'credits'
end

local pace, told, cap = pace_of('submit', KEYS[3], KEYS[6], now)
local shared = pace.key == KEYS[3] and pace or read_pace(KEYS[3])
local member = redis.call('ZSCORE', KEYS[4], ARGV[3])
local oldest = now - LONGEST_TASK_MS
local places = places_in_force(shared, cap, tonumber(ARGV[5]))
if not member and redis.call('ZCOUNT', KEYS[4], oldest, '+inf') >= places then
  note_full(KEYS[3], now, tonumber(ARGV[5]))
  return { 'wait', 250, 'in_flight' }
end

-- What was reserved by an earlier send of this attempt stays: it may have been charged.
local reserved = read_reservation(KEYS[7], id)
local amount = reserved
local day = utc_day(now)
local price
if not reserved then
  local left, which = credits_left(batch[4], batch[5], batch[6], batch[7], KEYS[10] .. day)
  price = tonumber(redis.call('HGET', KEYS[8], ARGV[6]))
  if not price then
    -- The first of a kind goes alone, so that a surprising price is met once.
    local first = redis.call('HGET', KEYS[9], ARGV[6])
    local since = first and first ~= ARGV[3] and redis.call('ZSCORE', KEYS[4], first)
    -- Where there is no cap to go over, nobody waits for long for an answer that does not come.
    local patience = left and LONGEST_TASK_MS or FIRST_ALONE_MS
    if since and tonumber(since) >= now - patience then return { 'wait', 200, 'first_price' } end
  end
  amount = price or tonumber(ARGV[7])
  if left and (price or tonumber(ARGV[8])) > left then
    redis.call('HSET', KEYS[1], 'capped', which)
    return { 'wait', 1000, which }
  end
  -- Where the guess is more than is left, the first of its kind may still go: its price is what it is to find out.
  if left and not price then amount = math.min(amount, left) end
end

local rate = current_rate(pace, told, now)
local wait, again = take_submit_turn(pace, rate, now, tonumber(ARGV[4]))
if not wait then return { 'wait', math.ceil(again), 'pace' } end

if not member then redis.call('ZADD', KEYS[4], now, ARGV[3]) end
if not reserved then
  redis.call('HSET', KEYS[7], id, amount .. ' ' .. day .. ' ' .. ARGV[6])
  add_reserved(KEYS[1], KEYS[10] .. day, amount)
  if not price then redis.call('HSET', KEYS[9], ARGV[6], ARGV[3]) end
end
if batch[8] then redis.call('HDEL', KEYS[1], 'capped') end
-- One probe at a time: the next may only try when this one has had time to answer.
if probe == 'credits' then redis.call('HSET', KEYS[5], 'probe_at', now + PROBE_LEASE_MS) end
local fields = cjson.decode(rest)
if stage == 'admitted' then
  fields.firstSentAt = now + math.ceil(wait)
  -- What waited when a run began that makes everything anew is made in that run, and not once more (S1).
  local forced = tonumber(batch[3])
  if forced and forced > (tonumber(fields.run) or 0) then fields.run = forced end
end
fields.sends = fields.sends + 1
text = 'submitting|' .. attempt .. '|' .. fingerprint .. '|' .. cjson.encode(fields)
redis.call('HSET', KEYS[2], id, text)
redis.call('HINCRBY', KEYS[1], 'submits', 1)
return { 'go', math.ceil(wait), now, text, probe, tostring(amount), tostring(1000 / rate),
  stage == 'submitting' and 'open' or 'none' }
