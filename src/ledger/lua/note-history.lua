-- What a process has done lately is added to rings of buckets of time, for people to look at: nothing is decided by such counts,
-- so they serve no invariant. A bucket of an earlier round is begun anew, so no more is ever kept than the rings have places.
-- KEYS: 1 the rings (hash: '<width in seconds> <place>' -> '<number of the bucket> <figure> <figure> ...'), 2 clock
-- ARGV: 1 life where nobody adds to it (ms), 2 number of rings, then width in seconds and places of each; then the figures
-- Returns 1.
--include now
local now = math.floor(now_ms() / 1000)
local rings = tonumber(ARGV[2])
for ring = 1, rings do
  local width, places = tonumber(ARGV[1 + 2 * ring]), tonumber(ARGV[2 + 2 * ring])
  local bucket = math.floor(now / width)
  local field = string.format('%d %d', width, bucket % places)
  local kept = {}
  for value in string.gmatch(redis.call('HGET', KEYS[1], field) or '', '%S+') do kept[#kept + 1] = value end
  if tonumber(kept[1]) ~= bucket then kept = {} end
  local values = { string.format('%d', bucket) }
  for index = 3 + 2 * rings, #ARGV do
    values[#values + 1] = tostring((tonumber(kept[#values + 1]) or 0) + tonumber(ARGV[index]))
  end
  redis.call('HSET', KEYS[1], field, table.concat(values, ' '))
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
