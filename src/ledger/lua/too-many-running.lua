-- The API refused a submission because too many tasks are running: the in-flight cap learns, the pace does not.
-- KEYS: 1 pace, 2 in-flight
-- ARGV: 1 in-flight cap when none was told
--include places
fewer_places(KEYS[1], redis.call('ZCARD', KEYS[2]), tonumber(ARGV[1]))
return redis.call('HINCRBY', KEYS[1], 'refused', 1)
