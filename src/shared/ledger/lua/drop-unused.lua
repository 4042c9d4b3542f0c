-- Deletes a batch that was opened and not begun: nothing was ever put into it, and nobody is putting anything.
-- KEYS: 1 meta, 2 batches, 3 and further: all else that is known of it
-- ARGV: 1 name
-- Returns 1, or 0 where it is in use: then nothing was changed.
local meta = redis.call('HMGET', KEYS[1], 'admission', 'admitted', 'reserved')
-- What an earlier life had sent is counted once, by whoever opens the batch first (S6).
if meta[1] or tonumber(meta[2] or 0) > 0 or tonumber(meta[3] or 0) > 0 then return 0 end
redis.call('UNLINK', KEYS[1], unpack(KEYS, 3))
redis.call('SREM', KEYS[2], ARGV[1])
return 1
