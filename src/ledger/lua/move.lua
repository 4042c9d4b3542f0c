-- Moves a brief's stage by compare-and-set: the way of every move whose next state is made by `moves.ts` (S1). What the
-- brief does not hold any more is given back in the same step (S6, S7); a line goes to the outbox, once, with the state
-- that says so (S4).
-- KEYS: 1 meta, 2 state, 3 in-flight, 4 reservations, 5 what a day's key begins with, 6 prices, 7 firsts, 8 pace, 9 outbox, 10 content, 11 clock
-- ARGV: 1 brief id, 2 expected state, 3 new state, 4 in-flight member, 5 'free' where it holds no place in flight,
--       6 what becomes of its reserved credits: 'keep', 'free', 'state' (the API says what it reserved), 'spend',
--       7 credits for the last two, '' where nobody knows;
--       for a line: 8 line, 9 status, 10 status checks, 11 downloads, 12 UTC day, 13 number of the run or ''
-- Returns {1} when moved, {0, state} with what stands there instead; '' where state is missing.
--include now
--include credits
--include places
local id, member, credits, status = ARGV[1], ARGV[4], ARGV[6], ARGV[9]
local text = redis.call('HGET', KEYS[2], id)
if text ~= ARGV[2] then return { 0, text or '' } end
-- A line that is counted nowhere, or a task, would be lost with what is left of the batch.
local is_kept = status or credits == 'state'
local batch = is_kept and redis.call('HMGET', KEYS[1], 'createdAt', 'accepted')
if batch and not batch[1] then return { 0, '' } end
redis.call('HSET', KEYS[2], id, ARGV[3])
if ARGV[5] == 'free' then redis.call('ZREM', KEYS[3], member) end

if credits == 'free' then
  release_credits(KEYS[1], KEYS[4], KEYS[5], id)
elseif credits == 'state' then
  if not batch[2] then redis.call('HSET', KEYS[1], 'accepted', 1) end
  more_places(KEYS[8])
  local amount, day, kind = read_reservation(KEYS[4], id)
  local stated = tonumber(ARGV[7])
  if kind and redis.call('HGET', KEYS[7], kind) == member then redis.call('HDEL', KEYS[7], kind) end
  if amount and stated then
    learn_price(KEYS[6], kind, stated)
    if stated ~= amount then
      add_reserved(KEYS[1], KEYS[5] .. day, stated - amount)
      redis.call('HSET', KEYS[4], id, stated .. ' ' .. day .. ' ' .. kind)
    end
  end
elseif credits == 'spend' then
  local charged = tonumber(ARGV[7])
  local kind, day = release_credits(KEYS[1], KEYS[4], KEYS[5], id)
  if kind and charged > 0 then learn_price(KEYS[6], kind, charged) end
  redis.call('HINCRBYFLOAT', KEYS[1], 'spent', charged)
  redis.call('HINCRBYFLOAT', KEYS[5] .. (day or ARGV[12]), 'spent', charged)
end

if status then
  redis.call('RPUSH', KEYS[9], ARGV[8])
  redis.call('HINCRBY', KEYS[1], 'lines:' .. status, 1)
  if ARGV[13] ~= '' then redis.call('HINCRBY', KEYS[1], 'run:' .. ARGV[13] .. ':' .. status, 1) end
  redis.call('HINCRBY', KEYS[1], 'status_checks', ARGV[10])
  redis.call('HINCRBY', KEYS[1], 'downloads', ARGV[11])
  -- A brief that did not succeed may be retried, and needs its content for that.
  if status == 'succeeded' then redis.call('HDEL', KEYS[10], id) end
end
return { 1 }
