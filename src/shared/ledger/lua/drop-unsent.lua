-- Deletes a batch of which nothing was ever sent, and of which no line is more than a cancelled one.
-- KEYS: 1 meta, 2 batches, 3 and further: all else that is known of it
-- ARGV: 1 name
-- Returns 1, or 0 where there is something to lose: then nothing was changed.
local meta = redis.call('HMGET', KEYS[1], 'submits', 'spent', 'reserved', 'accepted', 'rewriting',
  'lines:succeeded', 'lines:failed', 'lines:unknown')
for i = 1, 8 do
  if meta[i] and tonumber(meta[i]) ~= 0 then return 0 end
end
-- Whoever is admitting it would go on.
if redis.call('HGET', KEYS[1], 'admission') ~= 'complete' then return 0 end
redis.call('UNLINK', KEYS[1], unpack(KEYS, 3))
redis.call('SREM', KEYS[2], ARGV[1])
return 1
