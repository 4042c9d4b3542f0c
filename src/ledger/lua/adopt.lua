-- Lines of the manifest that stand where the ledger has written nothing yet, as far as it knows: their briefs are
-- finished, as the manifest says (S1, S4), and what is written from now on goes behind them.
-- KEYS: 1 meta, 2 state, 3 content, 4 names, 5 outbox, 6 in-flight, 7 reservations, 8 prices, 9 what a day's key begins with
-- ARGV: 1 generation of the manifest, 2 where the lines begin (bytes), 3 where they end, 4 what in-flight members begin with,
--       then for each line: id, attempt, state text, status, credits charged, content or '',
--       asset name in its canonical form or '', number of the run that made it or '', price kind, its output's name or ''
-- Of a batch that had left Redis, they come back: they are counted already, and nothing else changes.
-- Returns how many were new to the ledger, or -1 where lines are not expected at that place any more: nothing was changed.
--include credits
local place = redis.call('HMGET', KEYS[1], 'generation', 'offset', 'shelved')
local comes_back = place[3]
if (place[1] or '0') ~= ARGV[1] or (place[3] or place[2] or '0') ~= ARGV[2] then return -1 end

local function count(status, run, output, by)
  if comes_back then return end
  redis.call('HINCRBY', KEYS[1], 'lines:' .. status, by)
  if run and run ~= '' then redis.call('HINCRBY', KEYS[1], 'run:' .. run .. ':' .. status, by) end
  if output ~= '' then redis.call('HINCRBY', KEYS[1], 'output:' .. output .. ':' .. status, by) end
end

local new, here = 0, {}
for i = 5, #ARGV, 10 do
  local id, attempt, status, run = ARGV[i], ARGV[i + 1], ARGV[i + 3], ARGV[i + 7]
  local charged, output = tonumber(ARGV[i + 4]), ARGV[i + 9]
  here[id] = true
  local text = redis.call('HGET', KEYS[2], id)
  local had_attempt = text and string.match(text, '^%a+|(%d+)|')
  local had_status, had_run = string.match(text or '', '^lined|%d+|%x+|%d+,(%a+),?(%d*)$')
  if not had_status then
    -- As earlier versions wrote it.
    had_status, had_run = string.match(text or '', '^lined|.*"status":"(%a+)"'), string.match(text or '', '"run":(%d+)')
  end
  if not (had_status == status and had_attempt == attempt) then
    new = new + 1
    if had_status then count(had_status, had_run, output, -1) end
    if not text and not comes_back then redis.call('HINCRBY', KEYS[1], 'admitted', 1) end
    redis.call('HSET', KEYS[2], id, ARGV[i + 2])
    count(status, run, output, 1)
    -- Where the ledger has it reserved, it was to be charged on that day; else it was charged in an earlier life.
    if status ~= 'unknown' then
      local _, day = release_credits(KEYS[1], KEYS[7], KEYS[9], id)
      if day then redis.call('HINCRBYFLOAT', KEYS[9] .. day, 'spent', charged) end
    end
    if not comes_back then redis.call('HINCRBYFLOAT', KEYS[1], 'spent', charged) end
    if ARGV[i + 5] ~= '' then redis.call('HSET', KEYS[3], id, ARGV[i + 5])
    elseif status == 'succeeded' then redis.call('HDEL', KEYS[3], id) end
    local name = ARGV[i + 6]
    if name ~= '' and name ~= id then redis.call('HSETNX', KEYS[4], name, id) end
    redis.call('ZREM', KEYS[6], ARGV[4] .. id)
  end
  if charged > 0 then learn_price(KEYS[8], ARGV[i + 8], charged) end
end
if comes_back then
  redis.call('HSET', KEYS[1], 'shelved', ARGV[3])
  return new
end
-- A line that was on its way to this place is there, in these or other bytes.
for _, line in ipairs(redis.call('LRANGE', KEYS[5], 0, -1)) do
  if here[cjson.decode(line).brief_id] then redis.call('LREM', KEYS[5], 1, line) end
end
-- Closing files that stand are of an earlier admission.
if new > 0 then redis.call('HINCRBY', KEYS[1], 'admissions', 1) end
-- Whoever was about to replace the file has read less of it, and starts over.
redis.call('HDEL', KEYS[1], 'rewriter')
redis.call('HSET', KEYS[1], 'offset', ARGV[3])
return new
