-- A request was answered: the pace learns from it, and where too many tasks are running, the in-flight cap (S7).
-- KEYS: 1 pace, 2 in-flight, 3 clock
-- ARGV: 1 'taken', 'refused', or 'too_many_running' (2: in-flight cap when none was told), 2 Retry-After in ms or '',
--       3 a random number from 0 to 1 for jitter, 4 what the headers say is left in the window or '', 5 of how many or '',
--       6 ms until it starts anew or '', 7 'submit' or 'read'
-- Returns the ms for which no request is sent.
--include now
--include pace
--include learn
if ARGV[1] == 'too_many_running' then
  fewer_places(KEYS[1], redis.call('ZCARD', KEYS[2]), tonumber(ARGV[2]))
  redis.call('HINCRBY', KEYS[1], 'refused', 1)
  return 0
end
local now = now_ms()
local pace, told = pace_of(ARGV[7], KEYS[1], now)
local hint = { left = tonumber(ARGV[4]), limit = tonumber(ARGV[5]), reset = tonumber(ARGV[6]) }
if ARGV[1] == 'refused' then
  return math.ceil(learn_refusal(pace, told, now, tonumber(ARGV[2]), tonumber(ARGV[3])))
end
end_event(pace, now)
if told and not pace.fields.limited then return 0 end
if told or not take_hint(pace, now, hint) then raise(pace, told, now) end
return math.ceil(math.max(0, blocked_until(nil, pace.fields.hint_blocked, now) - now))
