-- Briefs that are open again and have their jobs leave the plan; with the last one the rewrite is over.
-- KEYS: 1 meta, 2 plan
-- ARGV: 1 generation, then brief ids
-- Returns how many are left.
local meta = redis.call('HMGET', KEYS[1], 'rewriting', 'generation')
if meta[1] ~= 'applying' or meta[2] ~= ARGV[1] then return 0 end
for i = 2, #ARGV do redis.call('HDEL', KEYS[2], ARGV[i]) end
local left = redis.call('HLEN', KEYS[2])
if left == 0 then redis.call('HDEL', KEYS[1], 'rewriting') end
return left
