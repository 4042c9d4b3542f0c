-- A batch's admission is opened, and with it a run begins where there is something new for it to make; each
-- run makes what is its own once (S1).
-- KEYS: 1 meta, 2 clock
-- ARGV: 1 'begin', or 'go_on' with what is under way, 2 'forced' where the run makes everything anew, 'forced_on' where such
--       a run was cut off and is gone on with, 3 sources, then field, value, ... of what the whole input is (S4)
-- Returns {number of the run, when it began (ms) where that is here, else 0}; or 'shelved' where its briefs have left Redis
--         since the input was compared with them, and would be taken for new (S1): nothing was changed
--include now
local meta = redis.call('HMGET', KEYS[1], 'run', 'admission', 'forced', 'shelved')
if meta[4] then return 'shelved' end
local run = meta[1] or '0'
-- An admission that a crash or a person cut off goes on under its number; so does a second command beside the first.
local is_forced = meta[1] and meta[3] == run
local under_way = meta[1] and meta[2] == 'open' and (ARGV[2] ~= 'forced' or is_forced)
-- A cap may have stopped it behind its admission: under another number, it would make its own briefs once more (S1).
under_way = under_way or (ARGV[2] == 'forced_on' and meta[3])
local begun = 0
if ARGV[1] == 'begin' and not under_way then
  run = tostring(tonumber(run) + 1)
  begun = now_ms()
  redis.call('HSET', KEYS[1], 'run', run, 'run:' .. run .. ':at', begun)
  if ARGV[2] == 'forced' then redis.call('HSET', KEYS[1], 'forced', run) end
end
-- From here on, closing files that somebody is still writing stand for an earlier admission.
redis.call('HINCRBY', KEYS[1], 'admissions', 1)
redis.call('HSET', KEYS[1], 'admission', 'open', 'sources', unpack(ARGV, 3))
return { tonumber(run), begun }
