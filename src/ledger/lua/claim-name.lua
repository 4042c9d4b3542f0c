-- Whether a brief may use the plain asset name, unique without regard to case (S5).
-- KEYS: 1 state, 2 names
-- ARGV: 1 brief id, 2 the name in its one canonical form
-- An id that is its own canonical form owns that name, unless one of these was faster: only they take up memory here, and
-- only they come by.
-- Returns 1 for the plain name, 0 when it needs a suffix.
local owner = redis.call('HGET', KEYS[2], ARGV[2])
if owner then return owner == ARGV[1] and 1 or 0 end
if redis.call('HEXISTS', KEYS[1], ARGV[2]) == 1 then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[1])
return 1
