-- The lines of reopened briefs have left the manifest, and their jobs are there: from here on lines go to the end of the
-- new file (S4, S5). Gives back the hold on the manifest; with nothing reopened, that alone.
-- KEYS: 1 meta, 2 reopened
-- ARGV: 1 token of the one who holds the manifest, 2 bytes of the manifest as it is now
-- Returns 1, or 0 where somebody else has taken over.
if redis.call('HGET', KEYS[1], 'rewriter') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'rewriter', 'rewriter_at', 'history')
if redis.call('UNLINK', KEYS[2]) == 0 then return 1 end
redis.call('HSET', KEYS[1], 'offset', ARGV[2])
-- A writer that has the old file open knows by this that what it writes there does not count.
redis.call('HINCRBY', KEYS[1], 'generation', 1)
return 1
