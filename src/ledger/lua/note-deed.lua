-- Notes what a person has done to a batch or a schedule, at which time. It is told to people and nothing is decided by such notes, so
-- they serve no invariant. However often something is done, no more is kept than asked for.
-- KEYS: 1 hash of what it was done to, 2 deeds (list: '<ms since the epoch> <deed>', the latest first), 3 clock
-- ARGV: 1 field that the hash has while that is there, 2 deed, 3 how many are kept
-- Returns 1 when noted, 0 where there is no such batch or schedule: a deed alone would be left of one that is gone.
--include now
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('LPUSH', KEYS[2], string.format('%d %s', now_ms(), ARGV[2]))
redis.call('LTRIM', KEYS[2], 0, tonumber(ARGV[3]) - 1)
return 1
