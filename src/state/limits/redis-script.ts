/**
 * All demands of one request, on the server's clock, all or nothing. One key and six arguments a demand: kind, mode (0 in earnest,
 * 1 shadow, 2 debit: taken whether it is there or not, 3 peek: asked in earnest and not taken, 4 peek of a shadow), cost, then for a bucket: capacity, ticks of a
 * token, ticks of a millisecond; for a window: limit, unit.
 * Answers four texts a demand: allowed, remaining, wait and reset in ms; a wait of -1: never.
 * The arithmetic is that of `meter.ts`; time begins in 2026, so that ticks fit into a double.
 */
export const TAKE_SCRIPT = `
local time = redis.call('TIME')
local now = (time[1] - 1767225600) * 1000 + time[2] / 1000
local LENGTH = { second = 1000, minute = 60000, hour = 3600000, day = 86400000 }

-- First millisecond of the next month: civil calendar from days (H. Hinnant, chrono-compatible date algorithms).
local function month_end(ms)
  local z = math.floor(ms / 86400000) + 20454 + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local y, nextmp = yoe + era * 400, mp + 1
  if nextmp == 12 then y, nextmp = y + 1, 0 end
  local e = math.floor(y / 400)
  local yy = y - e * 400
  local d = yy * 365 + math.floor(yy / 4) - math.floor(yy / 100) + math.floor((153 * nextmp + 2) / 5)
  return (e * 146097 + d - 719468 - 20454) * 86400000
end

local admitted, found = true, {}
for i, key in ipairs(KEYS) do
  local a = (i - 1) * 6
  local mode = ARGV[a + 2]
  local d = { key = key, shadow = mode ~= '0' and mode ~= '3', debit = mode == '2', peek = mode == '3' or mode == '4', cost = tonumber(ARGV[a + 3]), limit = tonumber(ARGV[a + 4]) }
  d.value = tonumber(redis.call('GET', key) or 0)
  if ARGV[a + 1] == 'bucket' then
    d.token, d.ms = tonumber(ARGV[a + 5]), tonumber(ARGV[a + 6])
    d.now = math.floor(now * d.ms)
    d.full = math.max(d.value, d.now)
    d.next = d.full + d.cost * d.token
    d.allowed = d.next <= d.now + d.limit * d.token
    if d.debit then d.next = math.min(d.next, d.now + 4503599627370496) end
  else
    local unit = ARGV[a + 5]
    d.stop = unit == 'month' and month_end(now) or (math.floor(now / LENGTH[unit]) + 1) * LENGTH[unit]
    d.allowed = d.value + d.cost <= d.limit
  end
  if not d.allowed and not d.shadow then admitted = false end
  found[i] = d
end

local out = {}
local function say(allowed, remaining, wait, reset)
  out[#out + 1] = allowed and '1' or '0'
  out[#out + 1] = string.format('%.0f', remaining)
  out[#out + 1] = string.format('%.3f', wait)
  out[#out + 1] = string.format('%.3f', reset)
end
for _, d in ipairs(found) do
  local taken = d.debit or admitted and d.allowed and not d.peek
  local wait = 0
  if d.token then
    local after = taken and d.next or d.full
    local reset = math.max(0, after / d.ms - now)
    if taken then redis.call('SET', d.key, string.format('%.0f', after), 'PX', string.format('%.0f', math.ceil(reset) + 1)) end
    if not d.allowed then wait = d.cost > d.limit and -1 or math.max(0, (d.next - d.limit * d.token) / d.ms - now) end
    say(d.allowed, math.max(0, math.floor((d.now + d.limit * d.token - after) / d.token)), wait, reset)
  else
    local after = taken and d.value + d.cost or d.value
    if taken then redis.call('SET', d.key, string.format('%.0f', after), 'PXAT', string.format('%.0f', d.stop + 1767225600000)) end
    if not d.allowed then wait = d.cost > d.limit and -1 or d.stop - now end
    say(d.allowed, math.max(0, d.limit - after), wait, d.stop - now)
  end
end
return out
`;
