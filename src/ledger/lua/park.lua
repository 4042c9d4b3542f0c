-- The account is out of credits: submissions park, one probe at a time looks whether they are back.
-- KEYS: 1 gate, 2 clock
-- ARGV: 1 first probe after (ms), 2 longest time between probes (ms), 3 'probe' when a probe found this
-- Returns the ms until the next probe.
--include now
local now = now_ms()
local parked = redis.call('HMGET', KEYS[1], 'parked', 'spacing', 'probe_at')
-- Submissions that were on their way when the account was parked change nothing.
if parked[1] and ARGV[3] ~= 'probe' then return math.max(0, tonumber(parked[3]) - now) end
local spacing = tonumber(ARGV[1])
if parked[1] then spacing = math.min(tonumber(ARGV[2]), tonumber(parked[2]) * 2) end
redis.call('HSETNX', KEYS[1], 'parked', now)
redis.call('HSET', KEYS[1], 'spacing', spacing, 'probe_at', now + spacing)
return spacing
