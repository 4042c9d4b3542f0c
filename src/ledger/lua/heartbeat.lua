-- A live worker says that it is there and which limits it was told.
-- KEYS: 1 workers, 2 clock
-- ARGV: 1 worker, 2 rate, 3 in-flight cap, 4 rate of submissions, 5 rate of reads (each '-' where it was told none);
--       with the worker alone it leaves
--include now
if #ARGV == 1 then return redis.call('HDEL', KEYS[1], ARGV[1]) end
return redis.call('HSET', KEYS[1], ARGV[1], now_ms() .. ' ' .. table.concat(ARGV, ' ', 2))
