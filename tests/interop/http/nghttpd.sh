#!/bin/sh
# nghttpd as a peer, without TLS: `nghttpd.sh server PORT SECONDS`, or `nghttpd.sh version`.
set -eu

if [ "$1" = version ]; then
    command -v nghttpd >/dev/null || exit 1
    nghttpd --version | sed 's,.*/,,'
    exit
fi

port=$2
seconds=$3
home=$INTEROP_WORK/nghttpd-$port
mkdir -p "$home/www"
printf 'hello\n' > "$home/www/hello"
seq 1 3000000 | head -c 16777216 > "$home/www/numbers"

timeout "$seconds" nghttpd --no-tls -a 127.0.0.1 -d "$home/www" --echo-upload --trailer 'x-end: yes' "$port" </dev/null >&2 &
nghttpd=$!
trap 'kill $nghttpd 2>/dev/null || true; wait $nghttpd || true' EXIT
tries=0
until curl -q -sf --noproxy '*' --http2-prior-knowledge -o "$home/probe" "http://127.0.0.1:$port/hello"; do
    kill -0 $nghttpd
    tries=$((tries + 1))
    [ $tries -lt 100 ]
    sleep 0.05
done
echo "READY $port"
# The end of input is the end.
cat >/dev/null
