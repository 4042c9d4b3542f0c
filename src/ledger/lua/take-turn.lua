-- A turn for a request that is not a submission, such as a status check or a look at the balance (S2, S7).
-- KEYS: 1 pace, 2 clock
-- ARGV: 1 longest wait (ms), 2 who asks, '' for one that stands in no line
-- Returns {1, wait ms, pressure, spacing ms} when the turn is taken, {0, ms after which to come again, pressure, spacing ms}.
--include now
--include pace
local now = now_ms()
local pace, told = pace_of('read', KEYS[1], now)
local rate = current_rate(pace, told, now)
local wait, again = take_read_turn(pace, rate, now, tonumber(ARGV[1]), ARGV[2])
return { wait and 1 or 0, math.ceil(wait or again), pressure(pace, now), tostring(1000 / rate) }
