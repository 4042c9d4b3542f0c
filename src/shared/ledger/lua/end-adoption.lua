-- The manifest of an earlier life is taken over: what is written from now on goes behind it.
-- KEYS: 1 meta
-- ARGV: 1 where the next line belongs, in bytes
-- Returns 1 for the one who ends it, 0 when somebody else has, and may have written more since.
if redis.call('HDEL', KEYS[1], 'adopting') == 0 then return 0 end
redis.call('HSET', KEYS[1], 'offset', ARGV[1])
return 1
