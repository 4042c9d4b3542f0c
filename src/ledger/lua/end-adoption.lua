-- The manifest of an earlier life is adopted as a whole, with what its lines cost
-- (S4, S6).
-- KEYS: 1 meta
-- ARGV: 1 credits that lines in the history had cost, 2 lines that were taken over from another batch,
--       3 number of the latest run, 4 number of the run that made everything anew or '', 5 generation of the manifest,
--       then number and time (ms) of runs
-- Returns 1 for the one who ends it, 0 when somebody else has.
if redis.call('HDEL', KEYS[1], 'adopting') == 0 then return 0 end
redis.call('HSET', KEYS[1], 'taken_over', ARGV[2])
redis.call('HINCRBYFLOAT', KEYS[1], 'spent', ARGV[1])
if ARGV[3] ~= '0' then redis.call('HSET', KEYS[1], 'run', ARGV[3]) end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'forced', ARGV[4]) end
if ARGV[5] ~= '0' then redis.call('HSET', KEYS[1], 'generation', ARGV[5]) end
for i = 6, #ARGV, 2 do redis.call('HSET', KEYS[1], 'run:' .. ARGV[i] .. ':at', ARGV[i + 1]) end
return 1
