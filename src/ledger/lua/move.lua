-- Moves a brief's stage by compare-and-set: the way of every move whose next state is made by `moves.ts` (S1). What the
-- brief does not hold any more is given back in the same step (S6, S7), and whoever waits for that is told; a line goes to
-- the outbox, once, with the state that says so (S4).
-- KEYS: 1 meta, 2 state, 3 in-flight, 4 reservations, 5 what a day's key begins with, 6 prices, 7 firsts, 8 pace, 9 outbox, 10 content,
--       11 the task: who asks for it by its id finds the brief, while hints are taken, 12 results, 13 followers, 14 clock
-- ARGV: 1 brief id, 2 expected state, 3 new state, 4 in-flight member, 5 'free' where it gives back its place in flight,
--       6 what becomes of its reserved credits: 'keep', 'free', 'state' (the API says what it reserved), 'spend', or
--       'spend_as_stated', 7 credits for the last three, '' where nobody knows, 8 channel of news, 9 news of the batch, 10 news of the account,
--       11 what it is made from from now on, or '' where that stays, 12 what is known of its result, 'drop', or '' where that stays
--       (with a line of an output, it stands for the steps that come after it, and is dropped where there are none);
--       for a line: 13 line, 14 status, 15 status checks, 16 downloads, 17 UTC day, 18 number of the run or '', 19 its output's name or '',
--       20 'drop' where what it was made from goes
-- Returns {1, ids of the steps that come after a brief that has its line, or ''} when moved, {0, state} with what stands there instead; '' where state is missing.
--include now
--include credits
--include places
-- Longer than any task is watched, should it end by another way than this.
local TASK_KEPT_MS = 7200000
local id, member, credits, status, output = ARGV[1], ARGV[4], ARGV[6], ARGV[14], ARGV[19]
local text = redis.call('HGET', KEYS[2], id)
if text ~= ARGV[2] then return { 0, text or '' } end
local run = status and ARGV[18] ~= '' and 'run:' .. ARGV[18] .. ':' .. status or 'run'
local names = { 'createdAt', 'accepted', 'capped', 'reserved', 'spent', 'status_checks', 'downloads', run,
  'lines:' .. (status or '') }
local batch = {}
if status or credits ~= 'keep' then
  for index, value in ipairs(redis.call('HMGET', KEYS[1], unpack(names))) do batch[names[index]] = value end
  -- A line that is counted nowhere, or a task, would be lost with what is left of the batch.
  if not batch.createdAt and (status or credits == 'state') then return { 0, '' } end
end
-- All that changes in the batch's record is set at once.
local changed = {}
local function add(field, amount)
  if amount == 0 then return end
  changed[#changed + 1] = field
  changed[#changed + 1] = tostring((tonumber(batch[field]) or 0) + amount)
end

redis.call('HSET', KEYS[2], id, ARGV[3])
-- What is sent, and what came back, go with the state that says so: never the one without the other (S1, S3).
if ARGV[11] ~= '' then redis.call('HSET', KEYS[10], id, ARGV[11]) end
local followers = status and output ~= '' and redis.call('HGET', KEYS[13], id)
if ARGV[12] == 'drop' then redis.call('HDEL', KEYS[12], id)
elseif ARGV[12] ~= '' then
  if status and not followers then redis.call('HDEL', KEYS[12], id)
  else redis.call('HSET', KEYS[12], id, ARGV[12]) end
end
local tells_account = false
if ARGV[5] == 'free' and redis.call('ZREM', KEYS[3], member) == 1 then
  local asked = ask_pace(KEYS[8])
  tells_account = asked[2] ~= false
  if asked[4] == 'taken' then redis.call('UNLINK', KEYS[11]) end
end

if credits ~= 'keep' then
  local amount, day, kind = read_reservation(KEYS[4], id)
  local stated = tonumber(ARGV[7])
  if credits == 'state' then
    if not batch.accepted then add('accepted', 1) end
    local asked = ask_pace(KEYS[8])
    more_places(KEYS[8], asked)
    if asked[4] == 'taken' and ARGV[5] ~= 'free' then redis.call('SET', KEYS[11], member, 'PX', TASK_KEPT_MS) end
    local was_known = kind and stated and learn_price(KEYS[6], kind, stated)
    -- While a price was not known, the first of its kind went alone.
    if kind and not was_known and redis.call('HGET', KEYS[7], kind) == member then
      redis.call('HDEL', KEYS[7], kind)
      tells_account = true
    end
    if amount and stated and stated ~= amount then
      add('reserved', stated - amount)
      add_to_day(KEYS[5] .. day, 'reserved', stated - amount)
      redis.call('HSET', KEYS[4], id, stated .. ' ' .. day .. ' ' .. kind)
    end
  else
    if amount then
      redis.call('HDEL', KEYS[4], id)
      add('reserved', -amount)
      add_to_day(KEYS[5] .. day, 'reserved', -amount)
    end
    if credits ~= 'free' then
      -- A price that was stated before is known since.
      if credits == 'spend' and kind and stated > 0 and not learn_price(KEYS[6], kind, stated) then tells_account = true end
      add('spent', stated)
      if stated ~= 0 then add_to_day(KEYS[5] .. (day or ARGV[17]), 'spent', stated) end
    end
    -- Another brief of its kind may wait to be the first.
    if kind and (credits == 'free' or stated == 0) then tells_account = true end
    if batch.capped then redis.call('PUBLISH', ARGV[8], ARGV[9]) end
  end
end

if status then
  redis.call('RPUSH', KEYS[9], ARGV[13])
  add('lines:' .. status, 1)
  if run ~= 'run' then add(run, 1) end
  if output ~= '' then redis.call('HINCRBY', KEYS[1], 'output:' .. output .. ':' .. status, 1) end
  add('status_checks', tonumber(ARGV[15]))
  add('downloads', tonumber(ARGV[16]))
  -- A brief that did not succeed may be retried, and needs its content for that.
  if ARGV[20] == 'drop' then redis.call('HDEL', KEYS[10], id) end
end
if #changed > 0 then redis.call('HSET', KEYS[1], unpack(changed)) end
if tells_account then redis.call('PUBLISH', ARGV[8], ARGV[10]) end
return { 1, followers or '' }
