-- wrk: GET a random one of the pages whose ids stand in the file $BENCH_IDS, one per line.
-- The requests are made beforehand, so that the generator spends its time on the wire.
local requests, size = {}, 0

function init()
  for id in io.lines(os.getenv("BENCH_IDS")) do
    size = size + 1
    requests[size] = wrk.format("GET", "/pages/" .. id, { ["Accept"] = "application/json" })
  end
  math.randomseed(7)
end

function request()
  return requests[math.random(size)]
end
