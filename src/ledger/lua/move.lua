-- Compare-and-set of a brief's stage.
-- KEYS: 1 state, 2 in-flight, 3 meta, 4 reservations, 5 what a day's key begins with
-- ARGV: 1 brief id, 2 expected state, 3 new state, 4 in-flight member,
--       5 'free' where it holds no place in flight from now on, 6 'free' where it holds no credits
-- Returns {1} when moved, {0, state} with what stands there instead.
--include credits
local text = redis.call('HGET', KEYS[1], ARGV[1])
if text ~= ARGV[2] then return { 0, text or '' } end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if ARGV[5] == 'free' then redis.call('ZREM', KEYS[2], ARGV[4]) end
if ARGV[6] == 'free' then release_credits(KEYS[3], KEYS[4], KEYS[5], ARGV[1]) end
return { 1 }
