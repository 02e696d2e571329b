-- Reads the work from the environment, and prints what wrk measured as one line of JSON.
local bodyBytes = tonumber(os.getenv("BENCH_BODY_BYTES") or "0")
if bodyBytes > 0 then
  wrk.method = "POST"
  wrk.body = string.rep("x", bodyBytes)
  wrk.headers["Content-Type"] = "application/octet-stream"
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"durationUs":%d,"requests":%d,"errors":%d,"p50Us":%d,"p99Us":%d,"p999Us":%d}\n',
    summary.duration, summary.requests, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
