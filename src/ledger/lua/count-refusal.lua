-- Counts an answer by which the API refused a request of a batch: in all, and in a bucket of time. Such counts are told to
-- people and nothing is decided by them, so they serve no invariant. However long a batch lives, no more fields are kept
-- than asked for: where more would be needed, all buckets become wider.
-- KEYS: 1 meta of the batch, 2 its refusals (hash: 'width' -> position of the width among those given, from 1;
--       '<first second of a bucket> <kind>' -> answers), 3 clock
-- ARGV: 1 kind of refusal, 2 fields to keep at most, then widths in seconds, each a multiple of the one before
-- Returns 1 when counted, 0 where there is no such batch: a count alone would look like a batch that is left.
--include now
if redis.call('HEXISTS', KEYS[1], 'createdAt') == 0 then return 0 end
redis.call('HINCRBY', KEYS[1], 'refused', 1)

local position = tonumber(redis.call('HGET', KEYS[2], 'width') or '1')
local function add(second, kind, count)
  local width = tonumber(ARGV[position + 2])
  redis.call('HINCRBY', KEYS[2], string.format('%d %s', second - second % width, kind), count)
end
add(math.floor(now_ms() / 1000), ARGV[1], 1)

while redis.call('HLEN', KEYS[2]) > tonumber(ARGV[2]) and ARGV[position + 3] do
  position = position + 1
  local fields = redis.call('HGETALL', KEYS[2])
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 'width', position)
  for index = 1, #fields, 2 do
    local second, kind = string.match(fields[index], '^(%d+) (.+)$')
    if second then add(tonumber(second), kind, fields[index + 1]) end
  end
end
return 1
