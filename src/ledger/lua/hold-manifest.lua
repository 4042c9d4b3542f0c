-- Who opens briefs again and replaces the manifest's file: one at a time, until not heard of for a while (S4).
-- KEYS: 1 meta, 2 reopened, 3 clock
-- ARGV: 1 token of the one who asks, 2 how long it holds without asking again (ms),
--       3 'open' briefs, 'settle' those that are open again, or 'keep' what was taken
-- Returns {'held', generation, offset, bytes of the history that count}, {'busy', ms} while somebody else has it, or
--         {'not_now'}: there is nothing to settle; or there is, and nothing more is opened before that.
--include now
local meta = redis.call('HMGET', KEYS[1], 'createdAt', 'generation', 'offset', 'history', 'rewriter', 'rewriter_at')
local reopened = redis.call('EXISTS', KEYS[2]) == 1
if not meta[1] or ARGV[3] == 'settle' and not reopened or ARGV[3] == 'open' and reopened then return { 'not_now' } end
local now = now_ms()
local free_in = (tonumber(meta[6]) or 0) + tonumber(ARGV[2]) - now
-- Whoever was overtaken starts over: its successor has cleared away only what was there when it took over.
if meta[5] ~= ARGV[1] and (ARGV[3] == 'keep' or (meta[5] and free_in > 0)) then return { 'busy', math.max(0, free_in) } end
redis.call('HSET', KEYS[1], 'rewriter', ARGV[1], 'rewriter_at', now)
return { 'held', meta[2] or '0', meta[3] or '0', meta[4] or '0' }
