-- The addresses under which a brief's references are sent: fixed while its state is the one that was read (S1).
-- KEYS: 1 state, 2 addresses
-- ARGV: 1 brief id, 2 expected state, 3 addresses
-- Returns 1 when saved, 0 when the brief stands elsewhere.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
return 1
