-- Whether all that is known of a batch is there: a Redis that evicts deletes key by key.
-- KEYS: 1 meta, 2 state, 3 content
-- Returns 'whole'; 'none' where nothing is left of it, or never was; else what is missing: 'meta', 'state' or 'content'
local meta = redis.call('HMGET', KEYS[1], 'createdAt', 'admitted',
  'lines:succeeded', 'lines:failed', 'lines:unknown', 'lines:cancelled')
if not meta[1] then return redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3]) == 0 and 'none' or 'meta' end
local admitted = tonumber(meta[2]) or 0
if redis.call('HLEN', KEYS[2]) < admitted then return 'state' end
local pending = admitted
for i = 3, 6 do pending = pending - (tonumber(meta[i]) or 0) end
-- It goes with success alone, so whatever is pending has it.
if redis.call('HLEN', KEYS[3]) < pending then return 'content' end
return 'whole'
