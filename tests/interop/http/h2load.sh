#!/bin/sh
# h2load as a peer, a client that pipelines: `h2load.sh client HOST:PORT CASE...`, or `h2load.sh version`.
set -u

if [ "$1" = version ]; then
    command -v h2load >/dev/null || exit 1
    h2load --version | sed 's,.*/,,'
    exit
fi

base=http://$2
shift 2
for name in "$@"; do
    if [ "$name" != pipelining ]; then
        echo "$name FAIL no such case"
        continue
    fi
    said=$(h2load --h1 -c 2 -m 8 -n 400 -T 20 "$base/hello" 2>&1)
    if echo "$said" | grep -q '^requests: 400 total, .* 400 succeeded, 0 failed' &&
        echo "$said" | grep -q '^status codes: 400 2xx'; then
        echo "$name ok 400 requests"
    else
        echo "$name FAIL $(echo "$said" | tail -8 | tr '\n' ' ' | cut -c 1-300)"
    fi
done
