-- One of all machines looks at the wallet now and then. While submissions are held nobody does: out of credits, only
-- the probe asks for the balance; with a refused key or an API that is down, there is nothing to ask.
-- KEYS: 1 wallet, 2 gate, 3 clock
-- ARGV: 1 for so long a look is good (ms)
-- Returns 1 where the caller is to look.
--include now
local now = now_ms()
local gate = redis.call('HMGET', KEYS[2], 'halted', 'parked', 'down_until')
if gate[1] or gate[2] or (tonumber(gate[3]) or 0) > now then return 0 end
local wallet = redis.call('HMGET', KEYS[1], 'read_at', 'asked_at')
-- A look that found nothing out is not repeated any sooner.
local last = math.max(tonumber(wallet[1]) or 0, tonumber(wallet[2]) or 0)
if now - last < tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'asked_at', now)
return 1
