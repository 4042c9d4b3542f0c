-- The lines to write next, and where in the file the first of them belongs (S5).
-- KEYS: 1 meta, 2 outbox
-- ARGV: 1 how many at most
-- Returns {generation, offset, line, line, ...}; no lines while the file is about to be replaced
local place = redis.call('HMGET', KEYS[1], 'generation', 'offset', 'rewriting', 'createdAt')
local answer = { place[1] or '0', place[2] or '0' }
if place[3] == 'planned' then return answer end
-- Without its place, a line would be written over others.
if not place[4] then return answer end
for _, line in ipairs(redis.call('LRANGE', KEYS[2], 0, tonumber(ARGV[1]) - 1)) do
  answer[#answer + 1] = line
end
return answer
