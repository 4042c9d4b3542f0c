-- For how long a batch has stood still for one and the same reason. A wait costs nothing (S2): it is only counted here.
-- KEYS: 1 meta, 2 clock
-- ARGV: 1 reason, '' where it goes on
-- Returns {since when (ms), how long (ms)}, {0, 0} where it goes on or is gone
--include now
if ARGV[1] == '' or redis.call('HEXISTS', KEYS[1], 'createdAt') == 0 then
  redis.call('HDEL', KEYS[1], 'waits')
  return { 0, 0 }
end
local now = now_ms()
local reason, since = string.match(redis.call('HGET', KEYS[1], 'waits') or '', '^(%S+) (%d+)$')
if reason == ARGV[1] then return { tonumber(since), now - tonumber(since) } end
redis.call('HSET', KEYS[1], 'waits', string.format('%s %d', ARGV[1], now))
return { now, 0 }
