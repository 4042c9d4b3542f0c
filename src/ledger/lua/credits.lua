-- Credits that a batch may still spend, reserved brief by brief (S6).
-- A reservation is '<credits> <UTC day> <price kind>': it is held from the permit to the end of the task.

-- Credits that may still be reserved: nil where there is no cap. The caps as they stand in the batch's meta.
local function credits_left(cap, day_cap, spent, reserved, day_key)
  local left, which
  if cap then
    left, which = tonumber(cap) - (tonumber(spent) or 0) - (tonumber(reserved) or 0), 'cap'
  end
  if day_cap then
    local day = redis.call('HMGET', day_key, 'spent', 'reserved')
    local today = tonumber(day_cap) - (tonumber(day[1]) or 0) - (tonumber(day[2]) or 0)
    if not left or today < left then left, which = today, 'day_cap' end
  end
  return left, which
end

-- Adds to what a day's key counts; it goes by itself when nobody asks for that day any more.
local function add_to_day(day_key, field, amount)
  if tonumber(redis.call('HINCRBYFLOAT', day_key, field, amount)) == tonumber(amount) then
    redis.call('EXPIRE', day_key, 40 * 86400)
  end
end

local function add_reserved(meta_key, day_key, amount)
  redis.call('HINCRBYFLOAT', meta_key, 'reserved', amount)
  add_to_day(day_key, 'reserved', amount)
end

local function read_reservation(reservations_key, id)
  local text = redis.call('HGET', reservations_key, id)
  if not text then return nil end
  local amount, day, kind = string.match(text, '^(%S+) (%S+) (.*)$')
  return tonumber(amount), day, kind
end

-- Returns the price that was known before; false for none.
local function learn_price(prices_key, kind, credits)
  local known = redis.call('HGET', prices_key, kind)
  if not known or credits > tonumber(known) then redis.call('HSET', prices_key, kind, credits) end
  return known
end

-- Gives back what a brief had reserved; days_key is what a day's key begins with.
local function release_credits(meta_key, reservations_key, days_key, id)
  local amount, day, kind = read_reservation(reservations_key, id)
  if not amount then return nil end
  redis.call('HDEL', reservations_key, id)
  add_reserved(meta_key, days_key .. day, -amount)
  return kind, day
end

-- The UTC day of a time in ms, as yyyy-mm-dd (Howard Hinnant's civil-from-days).
local function utc_day(now)
  local days = math.floor(now / 86400000) + 719468
  local era = math.floor(days / 146097)
  local doe = days - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02d', year, month, doy - math.floor((153 * mp + 2) / 5) + 1)
end
