-- Registers steps with the briefs that they come after; one that is there already is not added twice, and none
-- waits for a brief that does not know of it (S4).
-- KEYS: 1 followers
-- ARGV: for each, the brief that is to end first, and the step
-- Returns nothing.
for i = 1, #ARGV, 2 do
  local text = redis.call('HGET', KEYS[1], ARGV[i])
  if not text then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  elseif not string.find('\n' .. text .. '\n', '\n' .. ARGV[i + 1] .. '\n', 1, true) then
    redis.call('HSET', KEYS[1], ARGV[i], text .. '\n' .. ARGV[i + 1])
  end
end
