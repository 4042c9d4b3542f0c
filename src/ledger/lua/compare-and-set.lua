-- Sets one field while another stands as it was read: a schedule's run, a batch's folder, and the addresses under which
-- a brief's references are sent, which are fixed once its state has moved on (S1).
-- KEYS: 1 hash that is compared, 2 hash that is set
-- ARGV: 1 field that is compared, 2 what is expected there, '' for nothing, 3 field that is set, 4 value
-- Returns {1} when it was set, {0, what stands there instead}.
local text = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if text ~= ARGV[2] then return { 0, text } end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
return { 1 }
