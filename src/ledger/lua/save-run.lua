-- Changes the record of a schedule's run, by compare-and-set.
-- KEYS: 1 runs
-- ARGV: 1 run id, 2 record as it was read, 3 record
-- Returns 1 when it was changed, 0 when it was not what was read any more
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
