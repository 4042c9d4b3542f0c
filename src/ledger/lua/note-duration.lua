-- A task is over: its duration is counted in each of the sketches, by which looks at later ones are spaced (S2). Where a sketch holds too much, all of its
-- counts are halved, so that what happened long ago fades by itself.
-- KEYS: the sketches
-- ARGV: 1 bucket, 2 units that one task counts, 3 most units a sketch holds, 4 life of a sketch that nobody feeds (ms)
-- Returns the units in the first sketch.
local most = tonumber(ARGV[3])
local first
for _, key in ipairs(KEYS) do
  redis.call('HINCRBY', key, ARGV[1], ARGV[2])
  -- Readers that know this version need not work out anew what they made of it.
  redis.call('HINCRBY', key, 'version', 1)
  local total = redis.call('HINCRBY', key, 'total', ARGV[2])
  if total > most then
    total = 0
    local fields = redis.call('HGETALL', key)
    for index = 1, #fields, 2 do
      local bucket, units = fields[index], math.floor(tonumber(fields[index + 1]) / 2)
      if bucket ~= 'total' and bucket ~= 'version' then
        if units == 0 then
          redis.call('HDEL', key, bucket)
        else
          redis.call('HSET', key, bucket, units)
        end
        total = total + units
      end
    end
    redis.call('HSET', key, 'total', total)
  end
  redis.call('PEXPIRE', key, ARGV[4])
  first = first or total
end
return first
