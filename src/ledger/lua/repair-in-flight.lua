-- Frees the places in flight whose brief is neither being submitted nor accepted (S7): no slot is lost for good.
-- KEYS: 1 state, 2 in-flight
-- ARGV: 1 what the batch's members begin with
-- Returns how many places were freed.
local freed = 0
local head = ARGV[1]
for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  if string.sub(member, 1, #head) == head then
    local text = redis.call('HGET', KEYS[1], string.sub(member, #head + 1))
    local stage = text and string.match(text, '^(%a+)|')
    if stage ~= 'submitting' and stage ~= 'accepted' then
      freed = freed + redis.call('ZREM', KEYS[2], member)
    end
  end
end
return freed
