-- The end of a brief: its line goes to the outbox, once (S4).
-- KEYS: 1 meta, 2 state, 3 content, 4 outbox, 5 in-flight
-- ARGV: 1 brief id, 2 expected state, 3 new state, 4 line, 5 status, 6 in-flight member, 7 credits charged,
--       8 status checks, 9 downloads
-- Returns {1} when done, {0, state} with what stands there instead.
local text = redis.call('HGET', KEYS[2], ARGV[1])
if text ~= ARGV[2] then return { 0, text or '' } end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('RPUSH', KEYS[4], ARGV[4])
redis.call('HINCRBY', KEYS[1], 'lines:' .. ARGV[5], 1)
redis.call('HINCRBYFLOAT', KEYS[1], 'spent', ARGV[7])
redis.call('HINCRBY', KEYS[1], 'status_checks', ARGV[8])
redis.call('HINCRBY', KEYS[1], 'downloads', ARGV[9])
redis.call('ZREM', KEYS[5], ARGV[6])
-- A brief that did not succeed may be retried, and needs its content for that.
if ARGV[5] == 'succeeded' then redis.call('HDEL', KEYS[3], ARGV[1]) end
return { 1 }
