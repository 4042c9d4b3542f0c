-- A submission was accepted: its task id is saved, and the price that the API states is reserved and learned (S6).
-- KEYS: 1 state, 2 meta, 3 reservations, 4 prices, 5 firsts, 6 what a day's key begins with, 7 pace, 8 clock
-- ARGV: 1 brief id, 2 expected state, 3 new state, 4 in-flight member, 5 reserved credits or ''
-- Returns {1} when moved, {0, state} with what stands there instead; '' where state is missing.
--include now
--include credits
--include places
local text = redis.call('HGET', KEYS[1], ARGV[1])
if text ~= ARGV[2] then return { 0, text or '' } end
-- A line that is counted nowhere, or a task, would be lost with what is left of the batch.
if redis.call('HEXISTS', KEYS[2], 'createdAt') == 0 then return { 0, '' } end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[2], 'accepted', 1)
more_places(KEYS[7], now_ms())
local amount, day, kind = read_reservation(KEYS[3], ARGV[1])
local stated = tonumber(ARGV[5])
if kind and redis.call('HGET', KEYS[5], kind) == ARGV[4] then redis.call('HDEL', KEYS[5], kind) end
if amount and stated then
  learn_price(KEYS[4], kind, stated)
  add_reserved(KEYS[2], KEYS[6] .. day, stated - amount)
  redis.call('HSET', KEYS[3], ARGV[1], stated .. ' ' .. day .. ' ' .. kind)
end
return { 1 }
