-- A batch takes no more submissions and no more briefs, so that it can end with a line for each (S4).
-- KEYS: 1 meta
-- Returns 1, or 0 for a batch that is finished.
local meta = redis.call('HMGET', KEYS[1], 'admission', 'admitted',
  'lines:succeeded', 'lines:failed', 'lines:unknown', 'lines:cancelled')
local pending = tonumber(meta[2]) or 0
for i = 3, 6 do pending = pending - (tonumber(meta[i]) or 0) end
if meta[1] == 'complete' and pending == 0 then return 0 end
redis.call('HSET', KEYS[1], 'cancelled', 1, 'admission', 'complete')
redis.call('HDEL', KEYS[1], 'capped')
return 1
