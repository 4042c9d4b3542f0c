-- Creates a batch or finds it: its origin, key, nonce and folder are what its requests derive from (S1).
-- KEYS: 1 meta, 2 batches
-- ARGV: 1 name, then field, value, ... of the identity (kept from the first time on)
-- Returns 1 when it was created, 0 when it was there.
local created = redis.call('SADD', KEYS[2], ARGV[1])
if redis.call('HEXISTS', KEYS[1], 'createdAt') == 0 then
  -- Counts that somebody added to a batch that was gone are nothing of this one's.
  redis.call('UNLINK', KEYS[1])
  created = 1
  -- Until what an earlier life left in the folder is adopted, nothing of this one may be written there.
  redis.call('HSET', KEYS[1], 'adopting', 1, unpack(ARGV, 2))
end
return created
