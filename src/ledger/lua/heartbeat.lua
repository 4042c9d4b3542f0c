-- A live worker says that it is there and which limits it was told (S7).
-- KEYS: 1 workers, 2 clock
-- ARGV: 1 worker, 2 rate, 3 in-flight cap, 4 rate of submissions, 5 rate of reads (each '-' where it was told none)
-- Returns how many fields were added.
--include now
return redis.call('HSET', KEYS[1], ARGV[1], now_ms() .. ' ' .. table.concat(ARGV, ' ', 2))
