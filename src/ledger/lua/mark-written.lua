-- The first lines of the outbox are on disk (S4, S5).
-- KEYS: 1 meta, 2 outbox, 3 reopened
-- ARGV: 1 generation, 2 offset where they began, 3 how many, 4 offset where they end
-- Returns 1 when marked, 0 when somebody else had marked them: same place, same bytes, so no harm was done.
-- Also 0 while lines are to leave the file: only what was marked before goes over, so these are written again.
local place = redis.call('HMGET', KEYS[1], 'generation', 'offset')
if (place[1] or '0') ~= ARGV[1] or (place[2] or '0') ~= ARGV[2] or redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
redis.call('LTRIM', KEYS[2], tonumber(ARGV[3]), -1)
redis.call('HSET', KEYS[1], 'offset', ARGV[4])
return 1
