-- The manifest of an earlier life is taken over: what is written from now on goes behind it.
-- KEYS: 1 meta
-- ARGV: 1 where the next line belongs, in bytes, 2 credits that lines in the history had cost, 3 lines that were
--       taken over from another batch, 4 number of the latest run, 5 number of the run that made everything anew
--       or '', then number and time (ms) of runs
-- Returns 1 for the one who ends it, 0 when somebody else has, and may have written more since.
if redis.call('HDEL', KEYS[1], 'adopting') == 0 then return 0 end
redis.call('HSET', KEYS[1], 'offset', ARGV[1], 'taken_over', ARGV[3])
redis.call('HINCRBYFLOAT', KEYS[1], 'spent', ARGV[2])
if ARGV[4] ~= '0' then redis.call('HSET', KEYS[1], 'run', ARGV[4]) end
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'forced', ARGV[5]) end
for i = 6, #ARGV, 2 do redis.call('HSET', KEYS[1], 'run:' .. ARGV[i] .. ':at', ARGV[i + 1]) end
return 1
