-- A whole input is in: from here on the batch can end (S4).
-- KEYS: 1 meta
-- ARGV: 1 mark, 2 how many briefs the batch was to have with the input, or '' where that was not told,
--       then field, value, ... of what the input was
-- Returns 1; or 0 where another command has begun to admit another input since, and is not through: nothing was changed.
local meta = redis.call('HMGET', KEYS[1], 'whole', 'admitted')
local whole, admitted = tonumber(meta[1]) or 0, tonumber(meta[2]) or 0
if ARGV[2] ~= '' and tonumber(ARGV[2]) ~= whole and admitted < whole then return 0 end
redis.call('HSET', KEYS[1], 'admission', ARGV[1], unpack(ARGV, 3))
return 1
