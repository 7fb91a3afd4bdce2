#!/bin/sh
# curl as a peer: `curl.sh client HOST:PORT CASE...`, or `curl.sh version`; with HTTP=2 it speaks HTTP/2.
set -u

if [ "$1" = version ]; then
    command -v curl >/dev/null || exit 1
    curl --version | sed -n '1s/^curl \([^ ]*\).*/\1/p'
    exit
fi

http=${HTTP:-1.1}
case $http in
    1.1) flag=--http1.1 ;;
    2) flag=--http2-prior-knowledge ;;
esac
base=http://$2
shift 2
home=$(mktemp -d "$INTEROP_WORK/curl.XXXXXX")
cd "$home" || exit 2
seq 1 3000000 | head -c 16777216 > numbers
head -c 100000 numbers > upload

# Silent, errors shown, no configuration or proxy of this machine.
run() {
    curl -q -sS $flag --noproxy '*' --max-time 60 "$@"
}

fail() {
    echo "$*"
    return 1
}

# same FILE FILE
same() {
    [ "$(sha256sum < "$1")" = "$(sha256sum < "$2")" ] || fail "$1 and $2 differ: $(wc -c < "$1") and $(wc -c < "$2") bytes"
}

# want EXPECTED ACTUAL
want() {
    [ "$1" = "$2" ] || fail "expected $1, got $2"
}

# A body sent to /echo comes back.
echoed() {
    sent=$1
    shift
    code=$(run -o got -w '%{http_code}' "$@" "$base/echo") && want 200 "$code" && same "$sent" got
}

case_get() {
    printf 'hello\n' > hello
    code=$(run -o got -w '%{http_code} %{http_version}' "$base/hello") && want "200 $http" "$code" && same hello got &&
        code=$(run -o got -w '%{http_code}' "$base/nothing-here") && want 404 "$code"
}

case_head() {
    code=$(run -I -o got -w '%{http_code} %{size_download}' "$base/numbers") && want '200 0' "$code" &&
        { grep -qi '^content-length: 16777216' got || fail 'no content-length'; }
}

case_post() {
    echoed upload -H 'Expect:' --data-binary @upload
}

case_upload_chunked() {
    echoed upload -H 'Expect:' -H 'Transfer-Encoding: chunked' -T upload -X POST
}

case_expect_100() {
    echoed upload -v --stderr trace -H 'Expect: 100-continue' --expect100-timeout 20 --data-binary @upload &&
        { grep -q "^< HTTP/$http 100" trace || fail 'no 100 Continue'; }
}

case_range() {
    dd if=numbers of=part bs=1000 skip=5000 count=1 2>/dev/null
    code=$(run -o got -w '%{http_code}' -r 5000000-5000999 "$base/numbers") && want 206 "$code" && same part got
}

case_keep_alive() {
    codes=$(run -o got -o got2 -o got3 -w '%{http_code} %{num_connects} ' "$base/hello" "$base/numbers" "$base/hello") &&
        want '200 1 200 0 200 0 ' "$codes" && same numbers got2 && same got got3
}

case_http_1_0() {
    code=$(run -0 -o got -w '%{http_code}' "$base/numbers") && want 200 "$code" && same numbers got &&
        echoed upload -0 -H 'Expect:' --data-binary @upload
}

case_upload_16m() {
    echoed numbers -H 'Expect:' --data-binary @numbers
}

case_download_16m() {
    code=$(run -o got -w '%{http_code}' "$base/numbers") && want 200 "$code" && same numbers got
}

case_early_hints() {
    printf 'early\n' > early
    code=$(run -v --stderr trace -o got -w '%{http_code}' "$base/early") && want 200 "$code" && same early got &&
        { grep -q "^< HTTP/$http 103" trace || fail 'no 103 Early Hints'; } &&
        { grep -qi '^< link: </style.css>; rel=preload' trace || fail 'no link'; }
}

for name in "$@"; do
    case $name in
        get | head | post | upload-chunked | expect-100 | range | keep-alive | http-1.0 | upload-16m | download-16m | early-hints)
            rm -f got got2 got3 trace
            if remark=$("case_$(echo "$name" | tr '.-' '__')" 2>&1); then
                echo "$name ok"
            else
                echo "$name FAIL $(echo "$remark" | tr '\n' ' ' | cut -c 1-300)"
            fi
            ;;
        *) echo "$name FAIL no such case" ;;
    esac
done
rm -rf "$home"
