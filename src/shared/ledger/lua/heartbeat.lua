-- A live worker says that it is there and which limits it was told.
-- KEYS: 1 workers
-- ARGV: 1 worker, 2 rate or '-', 3 in-flight cap or '-'; with 2 and 3 absent it leaves
--include now
if #ARGV == 1 then return redis.call('HDEL', KEYS[1], ARGV[1]) end
return redis.call('HSET', KEYS[1], ARGV[1], now_ms() .. ' ' .. ARGV[2] .. ' ' .. ARGV[3])
