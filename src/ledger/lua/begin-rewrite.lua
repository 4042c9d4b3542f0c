-- A rewrite of the manifest begins: from here on its plan is carried out, whatever crashes (S4).
-- KEYS: 1 meta, 2 draft of the plan, 3 plan, 4 outbox, 5 clock
-- ARGV: 1 generation of the manifest that the plan was made from, 2 bytes of the history before it,
--       3 'lift' where the batch is to be no longer cancelled, 4 'refused' where no line may be on its way to the file,
--       5 number of the run that begins with it, or '' where none does
-- Returns 'begun', 'busy' (another rewrite is under way), 'stale' (the manifest is not the same any more,
--         or another run has begun), 'expired' (the draft is gone), 'unwritten' (lines have to be written first)
--include now
local meta = redis.call('HMGET', KEYS[1], 'account', 'rewriting', 'generation', 'run')
if meta[2] then return 'busy' end
-- Lines are only ever appended between two rewrites, so a plan for this generation still holds.
if not meta[1] or (meta[3] or '0') ~= ARGV[1] then return 'stale' end
if ARGV[5] ~= '' and tonumber(ARGV[5]) ~= (tonumber(meta[4]) or 0) + 1 then return 'stale' end
-- A line behind the file's marked end would be written to the new file too, and its brief have two.
if ARGV[4] == 'refused' and redis.call('LLEN', KEYS[4]) > 0 then return 'unwritten' end
if redis.call('EXISTS', KEYS[2]) == 0 then return 'expired' end
redis.call('RENAME', KEYS[2], KEYS[3])
redis.call('PERSIST', KEYS[3])
redis.call('HSET', KEYS[1], 'rewriting', 'planned', 'history', ARGV[2])
-- Closing files that stand, or that somebody is still writing, are of an earlier admission.
redis.call('HINCRBY', KEYS[1], 'admissions', 1)
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'run', ARGV[5], 'run:' .. ARGV[5] .. ':at', now_ms()) end
if ARGV[3] == 'lift' then redis.call('HDEL', KEYS[1], 'cancelled') end
return 'begun'
