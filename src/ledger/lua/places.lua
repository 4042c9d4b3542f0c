-- How many tasks may be in flight where nobody was told: learned as well (S7).
-- Fields of the pace hash: places (learned), places_sure (1 once the API refused one more), places_taken
-- (accepted since the cap last changed), full (ms, when a submission last waited for a place).
local MOST_PLACES = 2000
local PLACES_GROWTH = 1.5
-- Whoever waits for a place asks again after ten seconds at the latest.
local FULL_LASTS_MS = 12000
-- Once the API has refused, one more is tried after so many rounds of accepted tasks.
local ROUNDS_BEFORE_MORE = 10

local function places_in_force(pace, told, default)
  local places = tonumber(pace.fields.places)
  if told then return places and pace.fields.places_sure and math.min(told, places) or told end
  return places or default
end

local function note_full(pace_key, now, default)
  redis.call('HSET', pace_key, 'full', now)
  redis.call('HSETNX', pace_key, 'places', default)
end

-- What a move asks of the pace, at once: for `more_places`, and last whether hints are taken (see `heartbeat.lua`).
local function ask_pace(pace_key)
  return redis.call('HMGET', pace_key, 'places', 'full', 'places_sure', 'hints')
end

-- A submission was accepted: where places were what it waited for, there may be more of them.
local function more_places(pace_key, fields)
  local places, full = tonumber(fields[1]), tonumber(fields[2])
  if not places or not full or full < now_ms() - FULL_LASTS_MS then return end
  local taken = redis.call('HINCRBY', pace_key, 'places_taken', 1)
  if taken < places * (fields[3] and ROUNDS_BEFORE_MORE or 1) then return end
  local more = fields[3] and places + math.max(1, math.floor(places * 0.02)) or math.ceil(places * PLACES_GROWTH)
  redis.call('HSET', pace_key, 'places', math.min(MOST_PLACES, more), 'places_taken', 0)
end

-- The API says that too many tasks are running: `running` counts the one that it refused.
local function fewer_places(pace_key, running, default)
  local places = tonumber(redis.call('HGET', pace_key, 'places')) or default
  redis.call('HSET', pace_key, 'places', math.max(1, math.min(places, running - 1)), 'places_sure', 1, 'places_taken', 0)
end
