-- The one place that says whether a submission may be sent: stage (S1), holds, in-flight cap and pace (S7)
-- are looked at and taken together, so that nothing is taken for a request that is not sent.
-- KEYS: 1 meta, 2 state, 3 pace, 4 in-flight, 5 gate, 6 reservations, 7 prices, 8 firsts, 9 what a day's key begins with,
--       10 BullMQ's own of the submit queue, 11 clock
-- ARGV: 1 brief id, 2 attempt, 3 in-flight member, 4 longest wait for a turn (ms), 5 in-flight cap when none was told,
--       6 price kind, 7 credits to reserve while no price of that kind is known, 8 least that it can cost,
--       9 when the batch was created, as the asker knows it
-- Returns {'go', wait ms, now ms, state, probe, credits reserved, spacing ms, earlier, pressure, reach}
--             probe: credits, recovery or none;
--             earlier: 'open' where a send of this attempt may have been taken before, else 'none';
--             pressure: what limits the account, see pace.lua; reach: see is_full in holds.lua
--         {'passed', state}             another step has it, or another attempt
--         {'wait', ms, reason}          ask again then: in_flight, pace, credits, api_down, first_price, cap, day_cap, paused, other_life
--         {'halted', code}              the key is refused: a person must act
--         {'stopped'}                   the batch takes no more submissions
--include now
--include pace
--include holds
--include credits
local PROBE_LEASE_MS = 30000
local FIRST_ALONE_MS = 5000
-- How soon to ask again where news will end the wait: a cap is raised by somebody, or freed by a task of the batch.
local CAP_LOOK_MS, DAY_CAP_LOOK_MS = 600000, 60000
local id = ARGV[1]
local text = redis.call('HGET', KEYS[2], id)
if not text then return { 'passed', '' } end
local stage, attempt, fingerprint, rest = string.match(text, '^(%a+)|(%d+)|(%x+)|(.*)$')
if attempt ~= ARGV[2] or (stage ~= 'admitted' and stage ~= 'submitting') then return { 'passed', text } end
local batch = redis.call('HMGET', KEYS[1], 'cancelled', 'createdAt', 'forced', 'max_credits', 'max_credits_per_day',
  'spent', 'reserved', 'capped', 'submits')
-- Something has taken the batch away, but for its briefs: its state is missing.
if not batch[2] then return { 'passed', '' } end
-- The asker's batch is gone, and another of its name was queued meanwhile: folder and nonce are not that one's.
if batch[2] ~= ARGV[9] then return { 'wait', LOOK_AGAIN_MS, 'other_life' } end
if batch[1] and stage == 'admitted' then return { 'stopped' } end
-- One that a worker has taken already is held back too; from then on the queue gives out no more.
if stage == 'admitted' and redis.call('HEXISTS', KEYS[10], 'paused') == 1 then return { 'wait', 1000, 'paused' } end

local now = now_ms()
local held, why, code = gate_hold(KEYS[5], now)
if why == 'halted' then return { 'halted', code } end
if held then return { 'wait', held, why } end
local probe = why

local pace, told, cap, shared = pace_of('submit', KEYS[3], now)
local member = false
local full, reach = is_full(KEYS[4], shared, cap, tonumber(ARGV[5]), now)
if full then
  member = redis.call('ZSCORE', KEYS[4], ARGV[3])
  if not member then
    note_full(KEYS[3], now, tonumber(ARGV[5]))
    return { 'wait', LOOK_AGAIN_MS, 'in_flight' }
  end
elseif shared.fields.full and get(shared, 'full') < now - FULL_LASTS_MS then
  -- Nobody waits for a place any more.
  drop(shared, 'full')
end

-- What was reserved by an earlier send of this attempt stays: it may have been charged.
local fields = cjson.decode(rest)
local was_sent = stage == 'submitting' or attempt ~= '1' or fields.sends ~= 0
local reserved = was_sent and read_reservation(KEYS[6], id) or nil
local amount = reserved
local day = utc_day(now)
local price
if not reserved then
  local left, which = credits_left(batch[4], batch[5], batch[6], batch[7], KEYS[9] .. day)
  price = tonumber(redis.call('HGET', KEYS[7], ARGV[6]))
  if not price then
    -- The first of a kind goes alone, so that a surprising price is met once.
    local first = redis.call('HGET', KEYS[8], ARGV[6])
    local since = first and first ~= ARGV[3] and redis.call('ZSCORE', KEYS[4], first)
    -- Where there is no cap to go over, nobody waits for long for an answer that does not come.
    local patience = left and LONGEST_TASK_MS or FIRST_ALONE_MS
    local alone = since and tonumber(since) + patience - now or 0
    if alone > 0 then return { 'wait', alone, 'first_price' } end
  end
  amount = price or tonumber(ARGV[7])
  if left and (price or tonumber(ARGV[8])) > left then
    redis.call('HSET', KEYS[1], 'capped', which)
    -- A day's cap is another one when the next day begins, and other batches may leave some of it.
    local look = which == 'day_cap' and math.min(DAY_CAP_LOOK_MS, 86400000 - now % 86400000) or CAP_LOOK_MS
    return { 'wait', look, which }
  end
  -- Where the guess is more than is left, the first of its kind may still go: its price is what it is to find out.
  if left and not price then amount = math.min(amount, left) end
end

local rate = current_rate(pace, told, now)
local wait, again = take_submit_turn(pace, rate, now, tonumber(ARGV[4]))
if not wait then return { 'wait', math.ceil(again), 'pace' } end

if not member then redis.call('ZADD', KEYS[4], 'NX', now, ARGV[3]) end
local counts = { 'submits', (tonumber(batch[9]) or 0) + 1 }
if not reserved then
  redis.call('HSET', KEYS[6], id, amount .. ' ' .. day .. ' ' .. ARGV[6])
  counts[3], counts[4] = 'reserved', tostring((tonumber(batch[7]) or 0) + amount)
  add_to_day(KEYS[9] .. day, 'reserved', amount)
  if not price then redis.call('HSET', KEYS[8], ARGV[6], ARGV[3]) end
end
redis.call('HSET', KEYS[1], unpack(counts))
if batch[8] then redis.call('HDEL', KEYS[1], 'capped') end
-- One probe at a time: the next may only try when this one has had time to answer.
if probe == 'credits' then redis.call('HSET', KEYS[5], 'probe_at', now + PROBE_LEASE_MS) end
if stage == 'admitted' then
  fields.firstSentAt = now + math.ceil(wait)
  -- What waited when a run began that makes everything anew is made in that run, and not once more (S1).
  local forced = tonumber(batch[3])
  if forced and forced > (tonumber(fields.run) or 0) then fields.run = forced end
end
fields.sends = fields.sends + 1
text = 'submitting|' .. attempt .. '|' .. fingerprint .. '|' .. cjson.encode(fields)
redis.call('HSET', KEYS[2], id, text)
return { 'go', math.ceil(wait), now, text, probe, tostring(amount), tostring(1000 / rate),
  stage == 'submitting' and 'open' or 'none', pressure(shared, now), reach }
