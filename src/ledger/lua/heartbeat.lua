-- A live worker says that it is there and which limits it was told; the strictest of all live ones are put where each
-- turn is given (S7).
-- KEYS: 1 workers, 2 pace, 3 clock
-- ARGV: 1 worker, 2 rate, 3 in-flight cap, 4 rate of submissions, 5 rate of reads (each '-' where it was told none),
--       6 'hints' where it takes them, else '-'
-- Returns the workers that are alive; one that has not been heard of lately is forgotten.
--include now
--include pace
local now = now_ms()
redis.call('HSET', KEYS[1], ARGV[1], now .. ' ' .. table.concat(ARGV, ' ', 2))
local strictest, live, hints = {}, {}, ''
local entries = redis.call('HGETALL', KEYS[1])
for i = 1, #entries, 2 do
  local values = {}
  for value in string.gmatch(entries[i + 1], '%S+') do values[#values + 1] = value end
  if not tonumber(values[1]) or #values < 3 or now - tonumber(values[1]) > STALE_MS then
    redis.call('HDEL', KEYS[1], entries[i])
  else
    live[#live + 1] = entries[i]
    if values[6] == 'hints' then hints = 'taken' end
    for told = 2, 5 do
      local value = tonumber(values[told])
      if value and (not strictest[told] or value < strictest[told]) then strictest[told] = value end
    end
  end
end
local told = { now }
for index = 2, 5 do told[index] = strictest[index] or '-' end
redis.call('HSET', KEYS[2], 'told', table.concat(told, ' '), 'hints', hints)
return live
