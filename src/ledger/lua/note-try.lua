-- What came of trying to tell a message; one that is over already stays as it is, whoever else has tried it meanwhile.
-- Messages serve no invariant.
-- KEYS: 1 when they are due, 2 messages, 3 webhooks, 4 messages that are over
-- ARGV: 1 id, 2 message, 3 when it is due again (ms), '' where it is over, 4 now (ms), 5 how many that are over are kept
-- Returns 1, or 0 where it was over
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
if ARGV[3] ~= '' then
  redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
  return 1
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[3], 'message ' .. ARGV[1])
redis.call('ZADD', KEYS[4], ARGV[4], ARGV[1])
for _, id in ipairs(redis.call('ZRANGE', KEYS[4], 0, -1 - tonumber(ARGV[5]))) do
  redis.call('HDEL', KEYS[2], id)
  redis.call('ZREM', KEYS[4], id)
end
return 1
