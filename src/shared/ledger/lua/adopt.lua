-- Lines of a manifest whose state was lost: their briefs are finished, as the manifest says (S1, S4).
-- KEYS: 1 meta, 2 state, 3 content, 4 names
-- ARGV: id, state text, status, credits charged, content or '', asset name in its canonical form or '',
--       number of the run that made it or '', ... for each line
-- Returns how many were new to the ledger.
local new = 0
for i = 1, #ARGV, 7 do
  if redis.call('HSETNX', KEYS[2], ARGV[i], ARGV[i + 1]) == 1 then
    new = new + 1
    redis.call('HINCRBY', KEYS[1], 'admitted', 1)
    redis.call('HINCRBY', KEYS[1], 'lines:' .. ARGV[i + 2], 1)
    if ARGV[i + 6] ~= '' then redis.call('HINCRBY', KEYS[1], 'run:' .. ARGV[i + 6] .. ':' .. ARGV[i + 2], 1) end
    redis.call('HINCRBYFLOAT', KEYS[1], 'spent', ARGV[i + 3])
    if ARGV[i + 4] ~= '' then redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 4]) end
    if ARGV[i + 5] ~= '' and ARGV[i + 5] ~= ARGV[i] then redis.call('HSETNX', KEYS[4], ARGV[i + 5], ARGV[i]) end
  end
end
return new
