-- Deletes all that is known of a batch, its places in flight included, in one step: whoever is about to send for it
-- finds nothing left to send (S1), and a kill leaves it whole or gone.
-- KEYS: 1 meta, 2 batches, 3 in-flight, 4 webhooks, 5 outbox, 6 and further: all else that is known of it
-- ARGV: 1 name, 2 what its in-flight members begin with, 3 'any'; or what it must be: 'unsent' (nothing of it was ever
--       sent, and no line is more than a cancelled one), 'unused' (nothing was ever put into it), 'over' (each of its
--       briefs has its line, in the manifest: it is done with, and nobody is told of it any more), 4 whose webhook goes then
-- Returns 1, or 0 where it is not that: then nothing was changed.
local function is_zero(...)
  for _, value in ipairs(redis.call('HMGET', KEYS[1], ...)) do
    if value and tonumber(value) ~= 0 then return false end
  end
  return true
end

local admission = redis.call('HGET', KEYS[1], 'admission')
if ARGV[3] == 'unsent' then
  if not is_zero('submits', 'spent', 'reserved', 'accepted', 'lines:succeeded', 'lines:failed', 'lines:unknown') then
    return 0
  end
  -- Whoever is admitting it would go on.
  if admission ~= 'complete' then return 0 end
elseif ARGV[3] == 'unused' then
  -- What an earlier life had sent is counted once, by whoever opens the batch first (S6).
  if admission or not is_zero('admitted', 'reserved') then return 0 end
elseif ARGV[3] == 'over' then
  local counts = redis.call('HMGET', KEYS[1], 'admitted', 'lines:succeeded', 'lines:failed', 'lines:unknown',
    'lines:cancelled', 'cancelled')
  local pending = tonumber(counts[1] or 0)
  for i = 2, 5 do pending = pending - tonumber(counts[i] or 0) end
  if pending ~= 0 or (admission ~= 'complete' and counts[6] ~= '1') then return 0 end
  if redis.call('EXISTS', KEYS[5]) == 1 then return 0 end
  redis.call('HDEL', KEYS[4], ARGV[4])
end
for _, member in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
  if string.sub(member, 1, #ARGV[2]) == ARGV[2] then redis.call('ZREM', KEYS[3], member) end
end
redis.call('UNLINK', KEYS[1], unpack(KEYS, 5))
redis.call('SREM', KEYS[2], ARGV[1])
return 1
