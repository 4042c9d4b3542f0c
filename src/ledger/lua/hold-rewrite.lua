-- Who replaces the manifest's file: one at a time, until not heard of for a while.
-- KEYS: 1 meta, 2 clock
-- ARGV: 1 token of the one who asks, 2 how long it holds without asking again (ms), 3 'take', or 'keep' what was taken
-- Returns {'none'}, {'busy', ms}, {'planned', generation, offset, bytes of the history} when it is held,
--         {'applying', generation} when the file is replaced already and nobody needs to hold it
--include now
local now = now_ms()
local meta = redis.call('HMGET', KEYS[1], 'rewriting', 'generation', 'offset', 'history', 'rewriter', 'rewriter_at')
if not meta[1] then return { 'none' } end
if meta[1] == 'applying' then return { 'applying', meta[2] or '0' } end
local free_in = (tonumber(meta[6]) or 0) + tonumber(ARGV[2]) - now
-- Whoever was overtaken starts over: its successor has cleared away only what was there when it took over.
if meta[5] ~= ARGV[1] and (ARGV[3] == 'keep' or (meta[5] and free_in > 0)) then return { 'busy', math.max(0, free_in) } end
redis.call('HSET', KEYS[1], 'rewriter', ARGV[1], 'rewriter_at', now)
return { 'planned', meta[2] or '0', meta[3] or '0', meta[4] or '0' }
