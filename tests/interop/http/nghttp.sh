#!/bin/sh
# nghttp as a peer: `nghttp.sh client HOST:PORT CASE...`, or `nghttp.sh version`.
set -u

if [ "$1" = version ]; then
    command -v nghttp >/dev/null || exit 1
    nghttp --version | sed 's,.*/,,'
    exit
fi

base=http://$2
shift 2
home=$(mktemp -d "$INTEROP_WORK/nghttp.XXXXXX")
cd "$home" || exit 2
seq 1 3000000 | head -c 16777216 > numbers
head -c 100000 numbers > upload
printf 'hello\n' > hello

run() {
    timeout 60 nghttp -t 30 "$@"
}

fail() {
    echo "$*"
    return 1
}

# same FILE FILE
same() {
    [ "$(sha256sum < "$1")" = "$(sha256sum < "$2")" ] || fail "$1 and $2 differ: $(wc -c < "$1") and $(wc -c < "$2") bytes"
}

# said LINE: in what nghttp tells of frames and fields.
said() {
    grep -aq "$1" trace || fail "no $1"
}

# These options, for a page, an echo and 16 MiB.
with() {
    run "$@" "$base/hello" > got && same hello got &&
        run "$@" -d upload "$base/echo" > got && same upload got &&
        run "$@" "$base/numbers" > got && same numbers got
}

case_get() {
    run "$base/hello" > got && same hello got && run -v --no-verify-peer "$base/nothing-here" > trace && said ':status: 404'
}

case_head() {
    run -v -H ':method: HEAD' "$base/numbers" > trace && said ':status: 200' && said 'content-length: 16777216' &&
        { ! grep -q 'recv DATA frame <length=[1-9]' trace || fail 'there is a body'; }
}

case_post() {
    run -d upload "$base/echo" > got && same upload got
}

case_upload_16m() {
    run -d numbers "$base/echo" > got && same numbers got
}

case_download_16m() {
    run "$base/numbers" > got && same numbers got
}

case_trailers() {
    run -v -d hello --no-content-length -H 'trailer: x-sum' --trailer 'x-sum: of the body' "$base/trailers" > trace && said 'x-end: yes' &&
        if ! grep -q 'server: nghttpd' trace; then said 'x-sum-back: of the body'; fi
}

case_expect_100() {
    run -v --expect-continue -d hello "$base/echo" > trace && said ':status: 100' && said ':status: 200' && said '^hello'
}

case_early_hints() {
    run -v "$base/early" > trace && said ':status: 103' && said 'link: </style.css>; rel=preload' && said ':status: 200' && said '^early'
}

case_concurrent() {
    run -m 100 "$base/hello" > got || return 1
    [ "$(sort got | uniq -c | tr -s ' ')" = ' 100 hello' ] || fail "$(wc -c < got) bytes"
}

case_padding() {
    with -b 255
}

case_tiny_windows() {
    head -c 20000 numbers > some
    run -w 6 "$base/hello" > got && same hello got && run -w 6 -d some "$base/echo" > got && same some got
}

case_table_size_0() {
    with --header-table-size=0
}

for name in "$@"; do
    case $name in
        get | head | post | upload-16m | download-16m | trailers | expect-100 | early-hints | concurrent | padding | tiny-windows | table-size-0)
            rm -f got trace
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
