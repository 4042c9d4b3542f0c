-- Tasks are over: their durations are counted in a sketch, by which looks at later ones are spaced (S2). Where it holds too
-- much, all of its counts are halved, so that what happened long ago fades by itself.
-- KEYS: 1 the sketch
-- ARGV: 1 most units that it holds, 2 its life where nobody feeds it (ms), 3 units that one task counts, then bucket and
--       tasks, in turn
-- Returns the units in it.
local most, units_a_task, tasks = tonumber(ARGV[1]), tonumber(ARGV[3]), 0
local function whole(number) return string.format('%d', number) end
for index = 4, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[1], ARGV[index], whole(ARGV[index + 1] * units_a_task))
  tasks = tasks + tonumber(ARGV[index + 1])
end
-- Readers that know this version need not work out anew what they made of it.
redis.call('HINCRBY', KEYS[1], 'version', whole(tasks))
local total = redis.call('HINCRBY', KEYS[1], 'total', whole(tasks * units_a_task))
while total > most do
  total = 0
  local fields = redis.call('HGETALL', KEYS[1])
  for index = 1, #fields, 2 do
    local bucket, units = fields[index], math.floor(tonumber(fields[index + 1]) / 2)
    if bucket ~= 'total' and bucket ~= 'version' then
      if units == 0 then
        redis.call('HDEL', KEYS[1], bucket)
      else
        redis.call('HSET', KEYS[1], bucket, units)
      end
      total = total + units
    end
  end
  redis.call('HSET', KEYS[1], 'total', total)
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return total
