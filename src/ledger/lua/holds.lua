-- What holds every submission of an account (S2, S7): holds with their end, and places in flight.

-- One that no news ends is looked at again this often.
local LOOK_AGAIN_MS = 10000
-- Nobody may be looking at a task any more (its batch was left): after the longest deadline (S3) it counts as over.
local LONGEST_TASK_MS = 3600000

-- Returns nil and what a submission is to find out for all ('credits', 'recovery', 'none'); or the ms for which none is
-- sent and why: credits, api_down, or halted with its code.
local function gate_hold(gate_key, now)
  local gate = redis.call('HMGET', gate_key, 'halted', 'parked', 'probe_at', 'down_until')
  if gate[1] then return LOOK_AGAIN_MS, 'halted', gate[1] end
  local down = (tonumber(gate[4]) or 0) - now
  if down > 0 then return down, 'api_down' end
  if gate[2] then
    local probe_in = (tonumber(gate[3]) or 0) - now
    if probe_in > 0 then return probe_in, 'credits' end
    return nil, 'credits'
  end
  return nil, gate[4] and 'recovery' or 'none'
end

-- Whether all places in flight are taken; and the reach: how many requests go out, at most, before the task that is
-- accepted next has to be found over for another submission (a look at each that is in flight now, and a submission for
-- each place). Whoever waits for a place is noted, and is told when one is given back.
local function is_full(in_flight_key, shared, told, default, now)
  local taken = redis.call('ZCOUNT', in_flight_key, now - LONGEST_TASK_MS, '+inf')
  local places = places_in_force(shared, told, default)
  return taken >= places, taken + places
end
