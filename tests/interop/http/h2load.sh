#!/bin/sh
# h2load as a peer, a client of many requests at once: `h2load.sh client HOST:PORT CASE...`, or `h2load.sh version`.
set -u

if [ "$1" = version ]; then
    command -v h2load >/dev/null || exit 1
    h2load --version | sed 's,.*/,,'
    exit
fi

base=http://$2
shift 2
for name in "$@"; do
    case $name in
        pipelining) count=400 flags='--h1 -c 2 -m 8' ;;
        concurrent) count=8000 flags='-c 4 -m 100' ;;
        tiny-windows) count=200 flags='-c 2 -m 10 -w 2' ;;
        *)
            echo "$name FAIL no such case"
            continue
            ;;
    esac
    # shellcheck disable=SC2086
    said=$(timeout 60 h2load $flags -n $count -T 20 "$base/hello" 2>&1)
    if echo "$said" | grep -q "^requests: $count total, .* $count succeeded, 0 failed" &&
        echo "$said" | grep -q "^status codes: $count 2xx"; then
        echo "$name ok $count requests, $(echo "$said" | sed -n 's/^finished in [^,]*, \([^,]*\),.*/\1/p')"
    else
        echo "$name FAIL $(echo "$said" | tail -8 | tr '\n' ' ' | cut -c 1-300)"
    fi
done
