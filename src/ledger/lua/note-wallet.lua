-- The API said how many credits the account has: kept for people to look at, with the time.
-- KEYS: 1 wallet, 2 clock
-- ARGV: 1 credits
--include now
return redis.call('HSET', KEYS[1], 'credits', ARGV[1], 'read_at', now_ms())
