-- Whether it is worth taking a job of any submit queue now: asked once before the first after a hold, so that no job is
-- taken only to be put back (S2). It gives no leave: that does `begin-submit`.
-- KEYS: 1 pace, 2 in-flight, 3 gate, 4 clock
-- ARGV: 1 longest wait for a turn (ms), 2 in-flight cap when none was told
-- Returns the ms after which to ask again, 0 for now.
--include now
--include pace
--include holds
local now = now_ms()
local held = gate_hold(KEYS[3], now)
if held then return math.ceil(held) end
local pace, told, cap, shared = pace_of('submit', KEYS[1], now)
if is_full(KEYS[2], shared, cap, tonumber(ARGV[2]), now) then
  note_full(KEYS[1], now, tonumber(ARGV[2]))
  return LOOK_AGAIN_MS
end
local turn = next_turn(pace, now, 1000 / current_rate(pace, told, now))
return math.ceil(math.max(0, turn - now - tonumber(ARGV[1])))
