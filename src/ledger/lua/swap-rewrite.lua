-- The manifest's file was replaced: from here on lines go to the end of the new one (S4, S5).
-- KEYS: 1 meta
-- ARGV: 1 token of the one who replaced it, 2 bytes of the new manifest
-- Returns the new generation, or 0 when somebody else has taken this rewrite over.
local meta = redis.call('HMGET', KEYS[1], 'rewriting', 'rewriter')
if meta[1] ~= 'planned' or meta[2] ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'rewriting', 'applying', 'offset', ARGV[2])
redis.call('HDEL', KEYS[1], 'rewriter', 'rewriter_at', 'history')
-- A writer that has the old file open knows by this that what it writes there does not count.
return redis.call('HINCRBY', KEYS[1], 'generation', 1)
