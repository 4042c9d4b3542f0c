-- One machine at a time keeps the folder of a batch, where that mirrors a bucket: until it is not heard of for a while
-- (S4, S5).
-- KEYS: 1 keeper
-- ARGV: 1 the machine that asks, 2 how long it keeps it at least without asking again (ms); 0: it gives it back
-- Returns {'kept'} where it was that machine's, {'taken'} where it was nobody's, or {'busy', whose, for how long yet (ms)}.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return { 'busy', holder, redis.call('PTTL', KEYS[1]) } end
if ARGV[2] == '0' then redis.call('UNLINK', KEYS[1]) return { 'kept' } end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return { holder and 'kept' or 'taken' }
