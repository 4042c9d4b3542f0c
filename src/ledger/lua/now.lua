-- Milliseconds since the epoch by Redis' clock: the one clock that all machines share (S7), and here it never goes
-- back. What it was set back by (by hand, or by a failover to a server that is behind) is added from then on, so that
-- no turn or hold lies further away and no key, task or lease is younger than it was; a tenth of the time that goes by
-- is given back, until it is Redis' time again.
-- KEYS: 1 and further: those of the script that includes it; the last: clock, '<latest ms by Redis> <ms added>'
local function now_ms()
  -- A caller that forgets it would read a clock of its own, and leave a key behind that nobody knows.
  assert(string.find(KEYS[#KEYS], ':time$'), 'the last key is not the clock')
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local latest, added = string.match(redis.call('GET', KEYS[#KEYS]) or '', '^(%d+) (%d+)$')
  local passed = now - (tonumber(latest) or now)
  added = tonumber(added) or 0
  if passed < 0 then added = added - passed else added = math.max(0, added - math.floor(passed / 10)) end
  -- Once a second is exact enough, and costs next to nothing.
  if not latest or passed < 0 or passed >= 1000 then
    redis.call('SET', KEYS[#KEYS], string.format('%d %d', now, added))
  end
  return now + added
end
