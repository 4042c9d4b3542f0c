-- Briefs whose lines left the manifest are open again, each once (S4).
-- KEYS: 1 meta, 2 state, 3 plan, 4 reservations, 5 in-flight, 6 what a day's key begins with, 7 content, 8 clock
-- ARGV: 1 generation, 2 what the batch's in-flight members begin with, then brief ids
-- Returns how many were opened now; an entry that is done stays in the plan, marked, until its job is there.
--include now
--include credits
local meta = redis.call('HMGET', KEYS[1], 'rewriting', 'generation')
if meta[1] ~= 'applying' or meta[2] ~= ARGV[1] then return 0 end

-- A task that was left behind was counted as spent: watched again, it is reserved again.
local function reserve_again(id, left)
  redis.call('HSET', KEYS[4], id, left.credits .. ' ' .. left.day .. ' ' .. left.kind)
  add_reserved(KEYS[1], KEYS[6] .. left.day, left.credits)
  redis.call('HINCRBYFLOAT', KEYS[1], 'spent', '-' .. left.credits)
  redis.call('HINCRBYFLOAT', KEYS[6] .. left.day, 'spent', '-' .. left.credits)
end

local function open(id, entry)
  if redis.call('HGET', KEYS[2], id) ~= entry.from then return 0 end
  redis.call('HSET', KEYS[2], id, entry.to)
  -- What is sent from now on goes with the state that says so: never the one without the other (S1).
  if entry.content then redis.call('HSET', KEYS[7], id, entry.content) end
  if entry.status ~= 'pending' then
    redis.call('HINCRBY', KEYS[1], 'lines:' .. entry.status, -1)
    if entry.run then redis.call('HINCRBY', KEYS[1], 'run:' .. entry.run .. ':' .. entry.status, -1) end
  end
  local held = redis.call('HGET', KEYS[4], id)
  if entry.stage == 'status' then
    redis.call('ZADD', KEYS[5], now_ms(), ARGV[2] .. id)
    -- They are counted again, with those to come, when the brief ends.
    if entry.checks > 0 then redis.call('HINCRBY', KEYS[1], 'status_checks', -entry.checks) end
    if entry.left and not held then reserve_again(id, entry.left) end
  elseif held then
    -- What the earlier attempt may have been charged stays reserved beside the new one (S6); no id holds a newline.
    redis.call('HDEL', KEYS[4], id)
    redis.call('HSET', KEYS[4], id .. '\n' .. string.format('%d', entry.attempt - 1), held)
  end
  return 1
end

local opened = 0
for i = 3, #ARGV do
  local text = redis.call('HGET', KEYS[3], ARGV[i])
  local entry = text and cjson.decode(text)
  if entry and not entry.opened then
    opened = opened + open(ARGV[i], entry)
    entry.opened, entry.content = true, nil
    redis.call('HSET', KEYS[3], ARGV[i], cjson.encode(entry))
  end
end
return opened
