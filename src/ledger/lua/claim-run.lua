-- Makes the record of a schedule's run, and keeps its batch's name for it, once: no night is
-- made twice (S1).
-- KEYS: 1 schedules, 2 runs, 3 names
-- ARGV: 1 schedule, 2 run id, 3 record, 4 claims seen when the record was decided, 5 batch ('' for none)
-- Returns 'claimed', 'there' (it has its record), 'gone' (no such schedule),
-- 'changed' (another run was claimed meanwhile: decide again), 'name_taken' (the name is another run's)
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'gone' end
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then return 'there' end
-- No batch's name begins with a number sign.
if (redis.call('HGET', KEYS[3], '#claims') or '0') ~= ARGV[4] then return 'changed' end
if ARGV[5] ~= '' and redis.call('HSETNX', KEYS[3], ARGV[5], ARGV[2]) == 0 then return 'name_taken' end
redis.call('HINCRBY', KEYS[3], '#claims', 1)
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return 'claimed'
