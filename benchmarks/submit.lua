-- wrk: submit a page whose server never answers, at the address in $BENCH_URL.
wrk.method = "POST"
wrk.body = '{"url": "' .. os.getenv("BENCH_URL") .. '"}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json"
