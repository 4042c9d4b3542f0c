-- A batch that is over leaves Redis, but for its record: its folder was seen to have all of it. What it was, its counters and
-- its marks stay, so whoever asks where it stands is told the same as before; whoever needs its briefs takes them back from
-- the folder first, by `adopt.lua` and `unshelve.lua`. Until then none of them is taken for new (S1).
-- KEYS: 1 meta, 2 outbox, 3 reopened, 4 reservations, 5 files, 6 and further: all else that is known of it
-- ARGV: 1 its time of opening, 2 when it has to have ended by (ms), 3 generation of the manifest, 4 its bytes,
--       5 how many files that its briefs refer to are known to its journal
-- Returns 1, or 0 where something of it is left to be done, or may be, or has changed: then nothing was changed.
local fields = { 'createdAt', 'ended_at', 'generation', 'offset', 'admissions', 'finalized', 'admission', 'cancelled',
  'adopting', 'shelved', 'leaving', 'placeless', 'reserved', 'ready', 'rewriting', 'admitted', 'lines:succeeded',
  'lines:failed', 'lines:unknown', 'lines:cancelled' }
local meta = {}
for index, value in ipairs(redis.call('HMGET', KEYS[1], unpack(fields))) do meta[fields[index]] = value end
local function number(field) return tonumber(meta[field] or 0) end

if meta.createdAt ~= ARGV[1] or not meta.ended_at or number('ended_at') > tonumber(ARGV[2]) then return 0 end
if (meta.generation or '0') ~= ARGV[3] or (meta.offset or '0') ~= ARGV[4] then return 0 end
if (meta.finalized or '') ~= (meta.admissions or '0') then return 0 end
if meta.admission ~= 'complete' and meta.cancelled ~= '1' then return 0 end
-- What became of an attempt is not known, or was not asked yet: a person decides, by what is here (S1, S6).
if number('lines:unknown') > 0 or math.abs(number('reserved')) > 1e-6 or redis.call('EXISTS', KEYS[2], KEYS[3], KEYS[4]) > 0 then return 0 end
local lined = number('lines:succeeded') + number('lines:failed') + number('lines:cancelled')
if number('admitted') ~= lined or meta.ready ~= '1' then return 0 end
-- Taken over only in part, leaving for another folder, or queued by somebody who does not see its folder.
if meta.adopting or meta.shelved or meta.leaving or meta.placeless or meta.rewriting then return 0 end
if redis.call('HLEN', KEYS[5]) > tonumber(ARGV[5]) then return 0 end
redis.call('UNLINK', unpack(KEYS, 4))
redis.call('HSET', KEYS[1], 'shelved', 0)
return 1
