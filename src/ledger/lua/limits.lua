-- The limits in force: of what live workers were told, the strictest counts.
-- A worker that has not been heard of for STALE_MS no longer counts and is forgotten.
-- Returns what nobody was told as nil: rate in requests a second, in-flight cap, and, where submissions and reads
-- are counted apart by the API, a rate for each.
local STALE_MS = 10000
local function limits_in_force(workers_key, now)
  local strictest = {}
  local entries = redis.call('HGETALL', workers_key)
  for i = 1, #entries, 2 do
    local values = {}
    for value in string.gmatch(entries[i + 1], '%S+') do table.insert(values, value) end
    if not tonumber(values[1]) or #values < 3 or now - tonumber(values[1]) > STALE_MS then
      redis.call('HDEL', workers_key, entries[i])
    else
      for told = 2, 5 do
        local value = tonumber(values[told])
        if value and (not strictest[told] or value < strictest[told]) then strictest[told] = value end
      end
    end
  end
  return strictest[2], strictest[3], strictest[4], strictest[5]
end

-- Whose pace a request keeps: 'submit' and 'read' share one unless they were told apart.
-- Returns the pace's key, the rate that was told for it or nil, and the in-flight cap that was told or nil.
local function pace_of(lane, pace_key, workers_key, now)
  local rate, in_flight, submit_rate, read_rate = limits_in_force(workers_key, now)
  if lane == 'submit' and (submit_rate or read_rate) then return pace_key .. ':submit', submit_rate or rate, in_flight end
  return pace_key, read_rate or rate, in_flight
end
