-- A request was answered: the pace learns from it.
-- KEYS: 1 pace, 2 workers, 3 clock
-- ARGV: 1 'taken' or 'refused', 2 Retry-After in ms or '', 3 a random number from 0 to 1 for jitter,
--       4 what the headers say is left in the window or '', 5 of how many or '', 6 ms until it starts anew or '',
--       7 'submit' or 'read'
-- Returns the ms for which no request is sent.
--include now
--include limits
--include pace
--include learn
local now = now_ms()
local pace_key, told = pace_of(ARGV[7], KEYS[1], KEYS[2], now)
local hint = { left = tonumber(ARGV[4]), limit = tonumber(ARGV[5]), reset = tonumber(ARGV[6]) }
if ARGV[1] == 'refused' then
  return math.ceil(learn_refusal(pace_key, told, now, tonumber(ARGV[2]), tonumber(ARGV[3])))
end
end_event(pace_key, now)
if told and not redis.call('HGET', pace_key, 'limited') then return 0 end
if told or not take_hint(pace_key, now, hint) then raise(pace_key, told, now) end
local held = redis.call('HGET', pace_key, 'hint_blocked')
return math.ceil(math.max(0, blocked_until(nil, held, now) - now))
