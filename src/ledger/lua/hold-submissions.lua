-- Submissions of the account are held: it is out of credits, or the API cannot be reached. They wait longer each time
-- that is found again (S2), and one at a time finds out whether it is over.
-- KEYS: 1 gate, 2 clock
-- ARGV: 1 'credits' or 'api', 2 first wait (ms), 3 longest wait (ms), 4 Retry-After in ms or '',
--       5 'probe' where the one found it that was to find out
-- Returns the ms until the next may find out.
--include now
local now = now_ms()
local no_credits = ARGV[1] == 'credits'
local till_field, spacing_field = 'down_until', 'down_spacing'
if no_credits then till_field, spacing_field = 'probe_at', 'spacing' end
local gate = redis.call('HMGET', KEYS[1], till_field, spacing_field, 'parked')
local left = math.max(0, (tonumber(gate[1]) or 0) - now)
-- Those that were on their way when the first one found it are part of the same event.
local is_known = left > 0
if no_credits then is_known = gate[3] and ARGV[5] ~= 'probe' end
if is_known then return left end
local spacing = tonumber(gate[2])
spacing = spacing and math.min(tonumber(ARGV[3]), spacing * 2) or tonumber(ARGV[2])
local wait = tonumber(ARGV[4]) or spacing
redis.call('HSET', KEYS[1], till_field, now + wait, spacing_field, spacing)
if no_credits then redis.call('HSETNX', KEYS[1], 'parked', now) end
return wait
