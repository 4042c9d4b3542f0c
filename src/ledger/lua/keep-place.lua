-- Gives a batch that names no folder of its own the first one that anybody offers.
-- KEYS: 1 meta
-- ARGV: 1 folder
-- Returns the folder that it has from now on.
local out = redis.call('HGET', KEYS[1], 'out')
if out and out ~= '' then return out end
redis.call('HSET', KEYS[1], 'out', ARGV[1])
return ARGV[1]
