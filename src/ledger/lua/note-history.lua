-- What a process has done lately is added to rings of buckets of time, for people to look at: nothing is decided by such counts,
-- so they serve no invariant. A bucket of an earlier round is begun anew, so no more is ever kept than the rings have places.
-- KEYS: 1 rings of the account (hash: '<width in seconds> <place>' -> '<number of the bucket> <figure> <figure> ...'),
--       2 to N - 1 meta and rings of each batch in turn, of which one that is gone leaves none, N clock
-- ARGV: 1 life where nobody adds to it (ms), 2 number of figures, 3 number of rings, then width in seconds and places of each;
--       then the figures of the account, and those of each batch
-- Returns 1.
--include now
local now = math.floor(now_ms() / 1000)
local figures, rings = tonumber(ARGV[2]), tonumber(ARGV[3])

local function add(key, first)
  for ring = 1, rings do
    local width, places = tonumber(ARGV[2 + 2 * ring]), tonumber(ARGV[3 + 2 * ring])
    local bucket = math.floor(now / width)
    local field = string.format('%d %d', width, bucket % places)
    local kept = {}
    for value in string.gmatch(redis.call('HGET', key, field) or '', '%S+') do kept[#kept + 1] = value end
    if tonumber(kept[1]) ~= bucket then kept = {} end
    local values = { string.format('%d', bucket) }
    for index = first, first + figures - 1 do
      values[#values + 1] = tostring((tonumber(kept[#values + 1]) or 0) + tonumber(ARGV[index]))
    end
    redis.call('HSET', key, field, table.concat(values, ' '))
  end
  redis.call('PEXPIRE', key, ARGV[1])
end

local first = 4 + 2 * rings
add(KEYS[1], first)
for index = 2, #KEYS - 1, 2 do
  first = first + figures
  if redis.call('HEXISTS', KEYS[index], 'createdAt') == 1 then add(KEYS[index + 1], first) end
end
return 1
