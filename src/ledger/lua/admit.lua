-- Admits a chunk of briefs; one that is there already, or comes twice in the chunk, is left as it is
-- (S1), so that every brief made is admitted once (S4).
-- KEYS: 1 meta, 2 state, 3 content
-- ARGV: 1 admitted at (ms), 2 how many briefs may be without a line, or '' for any number,
--       then id, fingerprint, content, and first stage (admitted, or waiting for a step) for each brief
-- Returns for each brief its stage text (admitted, ...), 'reopened' for one that is admitted or waiting with a later
--         attempt than its first, 'clash' where the batch has that id with other content,
--         'cancelled' for a new one where the batch takes no more, 'full' for a new one for which there is no room,
--         or 'missing' where the batch itself is gone; and behind them how many more there is room for, or '', and how many
--         it has admitted in all
local ids = {}
for i = 3, #ARGV, 4 do ids[#ids + 1] = ARGV[i] end
local known = redis.call('HMGET', KEYS[2], unpack(ids))
local meta = redis.call('HMGET', KEYS[1], 'admitted', 'cancelled', 'run', 'createdAt', 'admissions',
  'lines:succeeded', 'lines:failed', 'lines:unknown', 'lines:cancelled', 'shelved')
local seq = tonumber(meta[1]) or 0
local run = meta[3] and ',"run":' .. meta[3] or ''
local answers, states, contents = {}, {}, {}
-- What is left of the batch does not tell which of them are new.
if not meta[4] or meta[10] then
  for n = 1, #ids do answers[n] = 'missing' end
  answers[#answers + 1] = ''
  answers[#answers + 1] = 0
  return answers
end
local last = nil
if ARGV[2] ~= '' then
  last = tonumber(ARGV[2])
  for i = 6, 9 do last = last + (tonumber(meta[i]) or 0) end
end
local fresh, unlike = {}, false
for n = 1, #ids do
  local fingerprint, first = ARGV[4 * n], ARGV[4 * n + 2]
  local earlier = fresh[ids[n]]
  if earlier then
    answers[n] = earlier == fingerprint and first or 'clash'
  elseif known[n] then
    local stage, attempt, had = string.match(known[n], '^(%a+)|(%d+)|(%x+)|')
    -- A later attempt has got its job from whoever opened it.
    if (stage == 'admitted' or stage == 'waiting') and attempt ~= '1' then stage = 'reopened' end
    answers[n] = had == fingerprint and stage or 'clash'
  elseif meta[2] then
    answers[n] = 'cancelled'
  elseif last and seq >= last then
    answers[n] = 'full'
  else
    seq = seq + 1
    fresh[ids[n]] = fingerprint
    states[#states + 1] = ids[n]
    local sends = first == 'admitted' and ',"sends":0,"refusalId":null' or ''
    states[#states + 1] = first .. '|1|' .. fingerprint .. '|{"seq":' .. seq .. ',"admittedAt":' .. ARGV[1]
      .. sends .. run .. '}'
    contents[#contents + 1] = ids[n]
    contents[#contents + 1] = ARGV[4 * n + 1]
    answers[n] = first
  end
  unlike = unlike or answers[n] == 'clash' or answers[n] == 'cancelled'
end
-- The input is not to be taken for what the batch has.
if unlike then redis.call('HSET', KEYS[1], 'unlike', meta[5] or '0') end
if #states > 0 then
  redis.call('HSET', KEYS[2], unpack(states))
  redis.call('HSET', KEYS[3], unpack(contents))
  redis.call('HSET', KEYS[1], 'admitted', seq)
end
answers[#answers + 1] = last and math.max(0, last - seq) or ''
answers[#answers + 1] = seq
return answers
