-- The lines to write next, and where in the file the first of them belongs (S5).
-- KEYS: 1 meta, 2 outbox, 3 reopened
-- ARGV: 1 how many at most
-- Returns {generation, offset, 'lines', line, line, ...}, or 'reopened' in their place while lines are to leave the file first
local place = redis.call('HMGET', KEYS[1], 'generation', 'offset', 'createdAt')
local answer = { place[1] or '0', place[2] or '0', 'lines' }
-- Without its place, a line would be written over others.
if not place[3] then return answer end
if redis.call('EXISTS', KEYS[3]) == 1 then
  answer[3] = 'reopened'
  return answer
end
for _, line in ipairs(redis.call('LRANGE', KEYS[2], 0, tonumber(ARGV[1]) - 1)) do
  answer[#answer + 1] = line
end
return answer
