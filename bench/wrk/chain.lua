-- As work.lua, with the next user's token on every request. BENCH_DISTINCT: so many requests that differ in a header.
local requests = {}
local at = 0

function init()
  local tokens = {}
  for token in io.lines(os.getenv("BENCH_TOKENS")) do
    tokens[#tokens + 1] = token
  end
  local distinct = tonumber(os.getenv("BENCH_DISTINCT")) or 0
  for i = 1, math.max(distinct, #tokens) do
    requests[i] = wrk.format("GET", nil, {
      ["Host"] = "shop.example.com",
      ["Authorization"] = "Bearer " .. tokens[(i - 1) % #tokens + 1],
      ["Origin"] = os.getenv("BENCH_ORIGIN"),
      ["X-Debug"] = "1",
      ["User-Agent"] = "bench/1.0",
      ["X-Trace"] = distinct > 0 and tostring(i) or nil,
    })
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

dofile(os.getenv("BENCH_REPORT"))
