-- Briefs are open again: the state of each is compared and set, with what it is made from, the counts of lines and the
-- credits that go with it (S1, S4, S6). From this step until its earlier line has left the manifest, and its job is there,
-- it stands in `reopened`; as long as one does, no line is written to the manifest.
-- KEYS: 1 meta, 2 state, 3 content, 4 outbox, 5 reopened, 6 reservations, 7 in-flight, 8 what a day's key begins with, 9 clock
-- ARGV: 1 token of the one who holds the manifest, 2 bytes of the history before it, 3 number of the run that begins with it
--       or '', 4 'lift' where the batch is to be no longer cancelled, 5 what the batch's in-flight members begin with,
--       then for each brief: id, state that is expected, state that follows, what it is made from or '' where that stays,
--       status of its line or '' for one without, number of the run that made the line or '', status checks that the
--       line counted and the brief counts again; what was counted as spent for a task that is watched again or '', on
--       which UTC day, of which price kind; its output's name or ''
-- Returns for each 'opened', 'passed' where it has another state by now, or 'unwritten' where its line is on its way to
--         the manifest; or 'overtaken' for one who holds the manifest no longer.
--include now
--include credits
local meta = redis.call('HMGET', KEYS[1], 'rewriter', 'run')
if meta[1] ~= ARGV[1] then return 'overtaken' end

-- A line behind the file's marked end would be written to the next file too, and its brief have two.
local unwritten = {}
for _, line in ipairs(redis.call('LRANGE', KEYS[4], 0, -1)) do unwritten[cjson.decode(line).brief_id] = true end

-- A task that was left behind was counted as spent: watched again, it is reserved again.
local function reserve_again(id, credits, day, kind)
  redis.call('HSET', KEYS[6], id, credits .. ' ' .. day .. ' ' .. kind)
  add_reserved(KEYS[1], KEYS[8] .. day, credits)
  redis.call('HINCRBYFLOAT', KEYS[1], 'spent', '-' .. credits)
  redis.call('HINCRBYFLOAT', KEYS[8] .. day, 'spent', '-' .. credits)
end

local function open(i)
  local id, to, content, status, run, checks = ARGV[i], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6]
  if redis.call('HGET', KEYS[2], id) ~= ARGV[i + 1] then return 'passed' end
  if unwritten[id] then return 'unwritten' end
  redis.call('HSET', KEYS[2], id, to)
  -- What is sent from now on goes with the state that says so: never the one without the other (S1).
  if content ~= '' then redis.call('HSET', KEYS[3], id, content) end
  if status ~= '' then
    redis.call('HINCRBY', KEYS[1], 'lines:' .. status, -1)
    if run ~= '' then redis.call('HINCRBY', KEYS[1], 'run:' .. run .. ':' .. status, -1) end
    if ARGV[i + 10] ~= '' then redis.call('HINCRBY', KEYS[1], 'output:' .. ARGV[i + 10] .. ':' .. status, -1) end
  end
  local line_attempt = status == '' and 0 or string.match(ARGV[i + 1], '^%a+|(%d+)|')
  redis.call('HSET', KEYS[5], id, line_attempt)
  local held = redis.call('HGET', KEYS[6], id)
  local stage, attempt = string.match(to, '^(%a+)|(%d+)|')
  if stage == 'accepted' then
    redis.call('ZADD', KEYS[7], now_ms(), ARGV[5] .. id)
    -- They are counted again, with those to come, when the brief ends; those of a life that Redis has lost never were.
    local counted = tonumber(redis.call('HGET', KEYS[1], 'status_checks')) or 0
    local again = math.min(counted, tonumber(checks))
    if again > 0 then redis.call('HINCRBY', KEYS[1], 'status_checks', string.format('%d', -again)) end
    if ARGV[i + 7] ~= '' and not held then reserve_again(id, ARGV[i + 7], ARGV[i + 8], ARGV[i + 9]) end
  elseif held then
    -- What the earlier attempt may have been charged stays reserved beside the new one (S6); no id holds a newline.
    redis.call('HDEL', KEYS[6], id)
    redis.call('HSET', KEYS[6], id .. '\n' .. string.format('%d', attempt - 1), held)
  end
  return 'opened'
end

local answers, opened = {}, false
for i = 6, #ARGV, 11 do
  local answer = open(i)
  answers[#answers + 1] = answer
  opened = opened or answer == 'opened'
end
redis.call('HSET', KEYS[1], 'rewriter_at', now_ms())
if not opened then return answers end
-- What a rewriter puts behind it counts only once its manifest is in place.
redis.call('HSETNX', KEYS[1], 'history', ARGV[2])
-- Closing files that stand, or that somebody is still writing, are of an earlier admission.
redis.call('HINCRBY', KEYS[1], 'admissions', 1)
if ARGV[3] ~= '' and tonumber(ARGV[3]) > (tonumber(meta[2]) or 0) then
  redis.call('HSET', KEYS[1], 'run', ARGV[3], 'run:' .. ARGV[3] .. ':at', now_ms())
end
if ARGV[4] == 'lift' then redis.call('HDEL', KEYS[1], 'cancelled') end
return answers
