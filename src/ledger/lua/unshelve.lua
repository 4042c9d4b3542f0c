-- The briefs of a batch that had left Redis are back, all of them, as its manifest has them (S4).
-- KEYS: 1 meta, 2 state, 3 clock
-- ARGV: none
-- Returns 1 when they are, or nothing was missing; 0 where the folder does not have what Redis had let go.
--include now
local meta = redis.call('HMGET', KEYS[1], 'shelved', 'offset', 'admitted')
if not meta[1] then return 1 end
if meta[1] ~= (meta[2] or '0') or redis.call('HLEN', KEYS[2]) ~= tonumber(meta[3] or 0) then return 0 end
redis.call('HDEL', KEYS[1], 'shelved')
-- Whoever has asked for it may do so again soon.
redis.call('HSET', KEYS[1], 'ended_at', now_ms())
return 1
