-- wrk's script: posts the requests of a pool file one after another, each of them once.
--
-- POOL_FILE     requests as they go over the wire, all of the same length
-- POOL_SIZE     that length in bytes
-- POOL_FROM     the first request to send, counted from 0
-- POOL_COUNT    how many there are to send
-- POOL_AGAIN    "1": begin again after the last one; else sending ends there, early
-- POOL_SECONDS  how long to send, from the first request on; wrk itself knows only whole seconds
--
-- Prints one line of JSON; `us` is the time that was spent sending.

local ffi = require("ffi")
ffi.cdef [[
typedef struct { long sec, nsec; } bench_time;
int clock_gettime(int clock, bench_time *now);
int getpid(void);
int kill(int pid, int signal);
]]
local MONOTONIC, SIGINT = 1, 2

local requests, sent = {}, 0
local again = os.getenv("POOL_AGAIN") == "1"
local us_to_send = tonumber(os.getenv("POOL_SECONDS")) * 1e6
local time = ffi.new("bench_time")
local the_thread

local function now()
  ffi.C.clock_gettime(MONOTONIC, time)
  return tonumber(time.sec) * 1e6 + tonumber(time.nsec) / 1e3
end

function setup(thread)
  the_thread = thread
end

function init()
  local size = tonumber(os.getenv("POOL_SIZE"))
  local file = assert(io.open(os.getenv("POOL_FILE"), "rb"))
  file:seek("set", tonumber(os.getenv("POOL_FROM")) * size)
  for i = 1, tonumber(os.getenv("POOL_COUNT")) do
    requests[i] = assert(file:read(size), "the pool is too short")
  end
  file:close()
end

-- SIGINT is how wrk is told to end before its time. What this returns is still sent, but never
-- waited for.
local function finish(at)
  if not ended_at then
    ended_at = at
    wrk.thread:stop()
    ffi.C.kill(ffi.C.getpid(), SIGINT)
  end
  return "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
end

function request()
  local at = now()
  started_at = started_at or at
  if at - started_at >= us_to_send then return finish(at) end
  if sent == #requests then
    if not again then return finish(at) end
    sent = 0
  end
  sent = sent + 1
  return requests[sent]
end

function done(summary, latency)
  local ended = the_thread:get("ended_at") or now()
  local errors = summary.errors
  io.write(string.format(
    '\nJSON {"requests": %d, "us": %.0f, "p50": %.0f, "p99": %.0f, "refused": %d, "broken": %d}\n',
    summary.requests, ended - the_thread:get("started_at"), latency:percentile(50),
    latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
