-- What the journal says was sent, where the ledger does not know it: it may have been charged, so it is asked about or
-- looked at before anything is sent for it again (S1, S3), and the cap counts it (S6).
-- KEYS: 1 meta, 2 state, 3 content, 4 reservations, 5 in-flight, 6 prices, 7 what a day's key begins with, 8 clock
-- ARGV: 1 what in-flight members begin with, then for each send: id, the state that is expected or '' for none,
--       the state that follows or '' where only its credits are reserved, content or '' where the ledger's stays,
--       credits or '' where nobody knows, UTC day, price kind, credits that the API has stated or ''
-- Returns for each 1 where it was adopted, 0 where the ledger has another state by now.
--include now
--include credits
local answers = {}
local function reserve(id, credits, day, kind, stated)
  local held = read_reservation(KEYS[4], id)
  if stated ~= '' then
    learn_price(KEYS[6], kind, tonumber(stated))
    if not held then credits = stated end
  end
  if held or credits == '' then return end
  redis.call('HSET', KEYS[4], id, credits .. ' ' .. day .. ' ' .. kind)
  add_reserved(KEYS[1], KEYS[7] .. day, credits)
end

for i = 2, #ARGV, 8 do
  local id, expected, to = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local text = redis.call('HGET', KEYS[2], id)
  local taken = (text or '') == expected
  if taken then
    reserve(id, ARGV[i + 4], ARGV[i + 5], ARGV[i + 6], ARGV[i + 7])
    if to ~= '' then
      if not text then redis.call('HINCRBY', KEYS[1], 'admitted', 1) end
      redis.call('HSET', KEYS[2], id, to)
      if ARGV[i + 3] ~= '' then redis.call('HSET', KEYS[3], id, ARGV[i + 3]) end
      -- Its keys are used: the batch stays with its API, its key and its nonce.
      redis.call('HSET', KEYS[1], 'accepted', 1)
      -- Closing files that stand are of an earlier admission.
      redis.call('HINCRBY', KEYS[1], 'admissions', 1)
      if string.match(to, '^accepted|') then redis.call('ZADD', KEYS[5], now_ms(), ARGV[1] .. id) end
    end
  end
  answers[#answers + 1] = taken and 1 or 0
end
return answers
