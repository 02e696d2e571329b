-- As work.lua, with the next user's token on every request.
local requests = {}
local at = 0

function init()
  for token in io.lines(os.getenv("BENCH_TOKENS")) do
    requests[#requests + 1] = wrk.format("GET", nil, {
      ["Host"] = "shop.example.com",
      ["Authorization"] = "Bearer " .. token,
      ["Origin"] = os.getenv("BENCH_ORIGIN"),
      ["X-Debug"] = "1",
      ["User-Agent"] = "bench/1.0",
    })
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

dofile(os.getenv("BENCH_REPORT"))
