-- The API cannot be reached or is switched off: submissions wait, longer each time it is found so.
-- KEYS: 1 gate, 2 clock
-- ARGV: 1 first wait (ms), 2 longest wait (ms), 3 Retry-After in ms or ''
-- Returns the ms for which no submission is sent.
--include now
local now = now_ms()
local gate = redis.call('HMGET', KEYS[1], 'down_until', 'down_spacing')
local down_until = tonumber(gate[1]) or 0
-- Those that were on their way when the first one failed are part of the same event.
if down_until > now then return down_until - now end
local spacing = math.min(tonumber(ARGV[2]), (tonumber(gate[2]) or tonumber(ARGV[1]) / 2) * 2)
local wait = ARGV[3] ~= '' and tonumber(ARGV[3]) or spacing
redis.call('HSET', KEYS[1], 'down_until', now + wait, 'down_spacing', spacing)
return wait
