-- The one place that says whether a submission may be sent: stage (S1), holds, in-flight cap and pace (S7)
-- are looked at and taken together, so that nothing is taken for a request that is not sent.
-- KEYS: 1 meta, 2 state, 3 content, 4 pace, 5 in-flight, 6 gate, 7 workers
-- ARGV: 1 brief id, 2 attempt, 3 in-flight member, 4 longest wait for a turn (ms), 5 in-flight cap when none was told
-- Returns {'go', wait ms, now ms, state, content, trial}   trial: credits, recovery or none
--         {'passed', state}             another step has it, or another attempt
--         {'wait', ms, reason}          ask again then: in_flight, pace, credits, api_down
--         {'halted', code}              the key is refused: a person must act
--         {'stopped'}                   the batch takes no more submissions
--include now
--include limits
--include pace
local PROBE_LEASE_MS = 30000
local id = ARGV[1]
local text = redis.call('HGET', KEYS[2], id)
if not text then return { 'passed', '' } end
local stage, attempt, fingerprint, rest = string.match(text, '^(%a+)|(%d+)|(%x+)|(.*)$')
if attempt ~= ARGV[2] or (stage ~= 'admitted' and stage ~= 'submitting') then return { 'passed', text } end
local batch = redis.call('HMGET', KEYS[1], 'cancelled', 'paused')
if batch[1] and stage == 'admitted' then return { 'stopped' } end

local now = now_ms()
local gate = redis.call('HMGET', KEYS[6], 'halted', 'parked', 'probe_at', 'down_until')
if gate[1] then return { 'halted', gate[1] } end
local down = (tonumber(gate[4]) or 0) - now
if down > 0 then return { 'wait', down, 'api_down' } end
local trial = gate[4] and 'recovery' or 'none'
if gate[2] then
  local probe_in = (tonumber(gate[3]) or 0) - now
  if probe_in > 0 then return { 'wait', probe_in, 'credits' } end
  trial = 'credits'
end

local rate, cap = limits_in_force(KEYS[7], now)
local member = redis.call('ZSCORE', KEYS[5], ARGV[3])
if not member and redis.call('ZCARD', KEYS[5]) >= (cap or tonumber(ARGV[5])) then
  return { 'wait', 250, 'in_flight' }
end
local wait, too_long = take_turn(KEYS[4], current_rate(KEYS[4], rate), now, tonumber(ARGV[4]))
if not wait then return { 'wait', math.ceil(too_long), 'pace' } end

if not member then redis.call('ZADD', KEYS[5], now, ARGV[3]) end
-- One probe at a time: the next may only try when this one has had time to answer.
if trial == 'credits' then redis.call('HSET', KEYS[6], 'probe_at', now + PROBE_LEASE_MS) end
local fields = cjson.decode(rest)
if stage == 'admitted' then fields.firstSentAt = now + math.ceil(wait) end
fields.sends = fields.sends + 1
text = 'submitting|' .. attempt .. '|' .. fingerprint .. '|' .. cjson.encode(fields)
redis.call('HSET', KEYS[2], id, text)
redis.call('HINCRBY', KEYS[1], 'submits', 1)
return { 'go', math.ceil(wait), now, text, redis.call('HGET', KEYS[3], id), trial }
