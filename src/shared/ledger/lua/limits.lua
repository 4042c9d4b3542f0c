-- The limits in force: of what live workers were told, the strictest counts.
-- A worker that has not been heard of for STALE_MS no longer counts and is forgotten.
-- Returns the rate in requests a second (nil: nobody was told one) and the in-flight cap (nil likewise).
local STALE_MS = 10000
local function limits_in_force(workers_key, now)
  local rate, in_flight
  local entries = redis.call('HGETALL', workers_key)
  for i = 1, #entries, 2 do
    local seen, told_rate, told_cap = string.match(entries[i + 1], '^(%d+) (%S+) (%S+)$')
    if not seen or now - tonumber(seen) > STALE_MS then
      redis.call('HDEL', workers_key, entries[i])
    else
      told_rate, told_cap = tonumber(told_rate), tonumber(told_cap)
      if told_rate and (not rate or told_rate < rate) then rate = told_rate end
      if told_cap and (not in_flight or told_cap < in_flight) then in_flight = told_cap end
    end
  end
  return rate, in_flight
end
