-- Notes that something has come about, and keeps the message that tells of it in the same step: a kill loses neither, and
-- whoever finds the same again tells it no second time. Where messages go stands in one key alone (S8).
-- KEYS: 1 hash in which it is noted, 2 webhooks, 3 messages, 4 when they are due
-- ARGV: 1 field by which it is known, '' where its message alone says that, 2 what stands there then, 3 who is to be told,
--       4 what it is there called, such as 'failed,finished': one of these has to be wanted, 5 id of the message, 6 message,
--       7 when it is due (ms), 8 count that must still stand as it was read, '' for none, 9 as what,
--       10 'always' where it is noted although nobody wants to be told, then field, value, ... that are noted with it
-- Returns 'kept', 'unwanted' (nobody asked to be told of that), 'known' or 'outdated' (nothing was changed)
local function is_wanted(webhook)
  if not webhook then return false end
  for _, kind in ipairs(cjson.decode(webhook).on) do
    if string.find(',' .. ARGV[4] .. ',', ',' .. kind .. ',', 1, true) then return true end
  end
  return false
end

if ARGV[8] ~= '' and (redis.call('HGET', KEYS[1], ARGV[8]) or '0') ~= ARGV[9] then return 'outdated' end
if ARGV[1] ~= '' and redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then return 'known' end
local webhook = redis.call('HGET', KEYS[2], ARGV[3])
local wanted = is_wanted(webhook)
if ARGV[1] ~= '' and (wanted or ARGV[10] == 'always') then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2], unpack(ARGV, 11))
end
if not wanted then return 'unwanted' end
if redis.call('HSETNX', KEYS[3], ARGV[5], ARGV[6]) == 0 then return 'known' end
-- As it is now: whatever becomes of the batch, or of where it is told, this one is told.
redis.call('HSET', KEYS[2], 'message ' .. ARGV[5], webhook)
redis.call('ZADD', KEYS[4], ARGV[7], ARGV[5])
return 'kept'
