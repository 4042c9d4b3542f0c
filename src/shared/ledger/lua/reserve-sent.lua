-- What an earlier life had sent, before Redis lost it: it may have been charged, so the cap counts it (S6).
-- KEYS: 1 meta, 2 state, 3 reservations, 4 what a day's key begins with
-- ARGV: brief id, credits, UTC day, price kind, ... for each send
--include credits
for i = 1, #ARGV, 4 do
  local id = ARGV[i]
  local text = redis.call('HGET', KEYS[2], id)
  -- One that is admitted in this life already has what it holds; a line that is not `unknown` is settled.
  local open = not text or (string.find(text, '^lined|') and string.find(text, '"status":"unknown"', 1, true))
  if open and redis.call('HSETNX', KEYS[3], id, ARGV[i + 1] .. ' ' .. ARGV[i + 2] .. ' ' .. ARGV[i + 3]) == 1 then
    add_reserved(KEYS[1], KEYS[4] .. ARGV[i + 2], ARGV[i + 1])
  end
end
