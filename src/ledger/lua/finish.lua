-- The end of a brief: its line goes to the outbox, once (S4).
-- KEYS: 1 meta, 2 state, 3 content, 4 outbox, 5 in-flight, 6 reservations, 7 prices, 8 what a day's key begins with
-- ARGV: 1 brief id, 2 expected state, 3 new state, 4 line, 5 status, 6 in-flight member,
--       7 credits charged or '' where nobody knows it, 8 status checks, 9 downloads, 10 UTC day, 11 number of the run or ''
-- Returns {1} when done, {0, state} with what stands there instead; '' where state is missing.
--include credits
local text = redis.call('HGET', KEYS[2], ARGV[1])
if text ~= ARGV[2] then return { 0, text or '' } end
-- A line that is counted nowhere, or a task, would be lost with what is left of the batch.
if redis.call('HEXISTS', KEYS[1], 'createdAt') == 0 then return { 0, '' } end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('RPUSH', KEYS[4], ARGV[4])
redis.call('HINCRBY', KEYS[1], 'lines:' .. ARGV[5], 1)
if ARGV[11] ~= '' then redis.call('HINCRBY', KEYS[1], 'run:' .. ARGV[11] .. ':' .. ARGV[5], 1) end
-- What nobody knows to be over may yet be charged: it stays reserved, so the cap counts it (S6).
if ARGV[5] ~= 'unknown' and ARGV[7] ~= '' then
  local charged = tonumber(ARGV[7])
  local kind, day = release_credits(KEYS[1], KEYS[6], KEYS[8], ARGV[1])
  if kind and charged > 0 then learn_price(KEYS[7], kind, charged) end
  redis.call('HINCRBYFLOAT', KEYS[1], 'spent', charged)
  redis.call('HINCRBYFLOAT', KEYS[8] .. (day or ARGV[10]), 'spent', charged)
end
redis.call('HINCRBY', KEYS[1], 'status_checks', ARGV[8])
redis.call('HINCRBY', KEYS[1], 'downloads', ARGV[9])
redis.call('ZREM', KEYS[5], ARGV[6])
-- A brief that did not succeed may be retried, and needs its content for that.
if ARGV[5] == 'succeeded' then redis.call('HDEL', KEYS[3], ARGV[1]) end
return { 1 }
