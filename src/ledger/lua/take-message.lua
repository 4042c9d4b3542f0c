-- The message that has been due for longest is given to one process, for as long as a try of it takes at most: should that
-- be killed, it is due again. Messages serve no invariant.
-- KEYS: 1 when they are due, 2 messages, 3 webhooks
-- ARGV: 1 now (ms), 2 until when it is given away (ms)
-- Returns {message, webhook}; or {when the next one is due, or ''} where none is due
while true do
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  if #first == 0 then return { '' } end
  if tonumber(first[2]) > tonumber(ARGV[1]) then return { first[2] } end
  local message = redis.call('HGET', KEYS[2], first[1])
  local webhook = redis.call('HGET', KEYS[3], 'message ' .. first[1])
  if message and webhook then
    redis.call('ZADD', KEYS[1], ARGV[2], first[1])
    return { message, webhook }
  end
  -- Redis has lost the rest of it.
  redis.call('ZREM', KEYS[1], first[1])
end
