-- The balance that the API last told, for people to look at. One of all machines looks now and then; while submissions
-- are held nobody does: out of credits, only the probe asks for the balance; with a refused key or an API that is down,
-- there is nothing to ask (S2).
-- KEYS: 1 gate, 2 clock
-- ARGV: 1 'told', 2 credits; or 1 'look', 2 for so long a look is good (ms)
-- Returns 0 where the balance is kept, or the caller is to look now; else the ms after which to ask again.
--include now
local HELD_LOOK_MS = 60000
local now = now_ms()
if ARGV[1] == 'told' then
  redis.call('HSET', KEYS[1], 'credits', ARGV[2], 'credits_read_at', now)
  return 0
end
local gate = redis.call('HMGET', KEYS[1], 'halted', 'parked', 'down_until', 'credits_read_at', 'credits_asked_at')
if gate[1] or gate[2] or (tonumber(gate[3]) or 0) > now then return HELD_LOOK_MS end
-- A look that found nothing out is not repeated any sooner.
local last = math.max(tonumber(gate[4]) or 0, tonumber(gate[5]) or 0)
local left = tonumber(ARGV[2]) - (now - last)
if left > 0 then return math.ceil(left) end
redis.call('HSET', KEYS[1], 'credits_asked_at', now)
return 0
