-- Adds to counts that are told to people; nothing is decided by them, so they serve no invariant.
-- KEYS: 1 hash
-- ARGV: 1 field without which nothing is counted ('' for none): a count alone would look like a batch that is left;
--       then field and how many, in turn
-- Returns 1 when counted, else 0.
if ARGV[1] ~= '' and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
for index = 2, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[1], ARGV[index], ARGV[index + 1])
end
return 1
