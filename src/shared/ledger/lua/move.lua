-- Compare-and-set of a brief's stage.
-- KEYS: 1 state, 2 in-flight
-- ARGV: 1 brief id, 2 expected state, 3 new state, 4 in-flight member to release or ''
-- Returns {1} when moved, {0, state} with what stands there instead.
local text = redis.call('HGET', KEYS[1], ARGV[1])
if text ~= ARGV[2] then return { 0, text or '' } end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if ARGV[4] ~= '' then redis.call('ZREM', KEYS[2], ARGV[4]) end
return { 1 }
