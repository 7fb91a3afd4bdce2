#!/bin/sh
# The example `server` of this workspace: `server.sh server PORT SECONDS`, or `server.sh version`.
set -eu

root=../..
if [ "$1" = version ]; then
    # Built at once, where it is fresh.
    cargo build --quiet --release --manifest-path $root/Cargo.toml --example server
    sed -n 's/^version = "\(.*\)"/\1/p' $root/Cargo.toml | head -1
    exit
fi

port=$2
seconds=$3
target=${CARGO_TARGET_DIR:-$root/target}
timeout "$seconds" "$target/release/examples/server" "127.0.0.1:$port" </dev/null >&2 &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server || true' EXIT
tries=0
until curl -q -sf --noproxy '*' --http2-prior-knowledge -o /dev/null "http://127.0.0.1:$port/"; do
    kill -0 $server
    tries=$((tries + 1))
    [ $tries -lt 100 ]
    sleep 0.05
done
echo "READY $port"
# The end of input is the end.
cat >/dev/null
