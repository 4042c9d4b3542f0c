-- A turn for a request that is not a submission: status checks and balance look-ups.
-- KEYS: 1 pace, 2 workers
-- ARGV: 1 longest wait (ms)
-- Returns {1, wait ms} when the turn is taken, {0, wait ms} when it is too far away.
--include now
--include limits
--include pace
local now = now_ms()
local rate = limits_in_force(KEYS[2], now)
local wait, too_long = take_turn(KEYS[1], current_rate(KEYS[1], rate), now, tonumber(ARGV[1]))
if wait then return { 1, math.ceil(wait) } end
return { 0, math.ceil(too_long) }
