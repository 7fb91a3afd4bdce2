#!/bin/sh
# meshwire and two Go codecs on the same Dubbo requests, in turns: MOSN's Dubbo codec, which walks the arguments to get at
# the attachments, and the skipping decoder of dubbo-go-hessian2.
#
#   benches/go/compare.sh [--json] [--check] [FILTER]
#
# Needs Go 1.26 or later, and its module proxy the first time.
set -eu
cd "$(dirname "$0")"
command -v go >/dev/null || { echo "Go is not installed" >&2; exit 2; }
target=${CARGO_TARGET_DIR:-$PWD/../target}
mkdir -p "$target/go"
for program in mosn hessian2; do
    (cd $program && go build -buildvcs=false -o "$target/go/$program" .)
done
cargo build --release --quiet --manifest-path ../Cargo.toml --bin against-go
options= filter=
for argument in "$@"; do
    case $argument in
        --*) options="$options $argument" ;;
        *) filter=$argument ;;
    esac
done
# shellcheck disable=SC2086
exec "$target/release/against-go" $options "$target/go/mosn" "$target/go/hessian2" "$filter"
