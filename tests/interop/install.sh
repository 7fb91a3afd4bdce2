#!/bin/sh
# Installs the peers of the interop test: Debian packages, npm and Python packages, programs in Java, Go, Rust and C++
# with their libraries, and conformance suites. Nothing is done twice. Needs root only where a Debian package is missing.
set -eu
cd "$(dirname "$0")"

# A program that must be there, and the package that brings it.
missing=
need() {
    command -v "$1" >/dev/null || missing="$missing $2"
}
need curl curl
need nginx nginx-light
[ -e /etc/nginx/modules-enabled/50-mod-http-echo.conf ] || missing="$missing libnginx-mod-http-echo"
need h2load nghttp2-client
need nghttp nghttp2-client
need nghttpd nghttp2-server
need node nodejs
need go golang-go
need python3 python3-venv
need npm npm
need javac default-jdk-headless
need mvn maven
need g++ g++
need thrift thrift-compiler
[ -e /usr/include/thrift/Thrift.h ] || missing="$missing libthrift-dev"
[ -e /usr/include/boost/version.hpp ] || missing="$missing libboost-dev"
if [ -n "$missing" ]; then
    export DEBIAN_FRONTEND=noninteractive
    as_root=
    [ "$(id -u)" = 0 ] || as_root=sudo
    # shellcheck disable=SC2086
    $as_root apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1 || {
        $as_root apt-get update -q
        $as_root apt-get install -y -q --no-install-recommends $missing
    }
fi

# done_once DIR FILE...: false where the files are not what DIR was last made from.
sum=
done_once() {
    stamp=$1/.made-from
    shift
    sum=$(cat "$@" | cksum)
    [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ]
}

if ! done_once node/node_modules node/package-lock.json; then
    (cd node && npm ci --ignore-scripts --no-progress --loglevel=error)
    echo "$sum" > node/node_modules/.made-from
fi

if ! done_once node/target thrift/echo.thrift; then
    rm -rf node/target
    mkdir -p node/target/thrift
    thrift -nowarn --gen js:node,es6 -out node/target/thrift thrift/echo.thrift
    echo "$sum" > node/target/.made-from
fi

if ! done_once python/target python/requirements.txt; then
    rm -rf python/target
    python3 -m venv python/target
    python/target/bin/pip install -q --disable-pip-version-check --no-deps -r python/requirements.txt
    echo "$sum" > python/target/.made-from
fi

if ! done_once thrift/target thrift/echo.thrift; then
    rm -rf thrift/target
    mkdir -p thrift/target/py
    thrift -nowarn --gen py -out thrift/target/py thrift/echo.thrift
    echo "$sum" > thrift/target/.made-from
fi

if ! done_once cpp/target thrift/echo.thrift cpp/*.h cpp/*.cpp; then
    rm -rf cpp/target
    mkdir -p cpp/target/code
    thrift -nowarn --gen cpp:no_skeleton -out cpp/target/code thrift/echo.thrift
    g++ -std=c++17 -O1 -pthread -Icpp/target/code cpp/*.cpp cpp/target/code/*.cpp -o cpp/target/thrift-peer \
        -lthriftz -lthrift
    echo "$sum" > cpp/target/.made-from
fi

if ! done_once go/target go/go.mod go/go.sum go/*.go; then
    (cd go && go build -o target/interop .)
    echo "$sum" > go/target/.made-from
fi

if ! done_once thrift-go/target thrift/echo.thrift thrift-go/go.mod thrift-go/go.sum thrift-go/*.go; then
    rm -rf thrift-go/target
    mkdir -p thrift-go/target/gen
    thrift -nowarn --gen go:package_prefix=meshwire/thrift-go/target/gen/,skip_remote \
        -out thrift-go/target/gen thrift/echo.thrift
    (cd thrift-go && go build -o target/thrift-go .)
    echo "$sum" > thrift-go/target/.made-from
fi

if ! done_once kitex/target thrift/echo.thrift kitex/go.mod kitex/go.sum kitex/*.go; then
    rm -rf kitex/target
    (cd kitex && go tool kitex -module meshwire/kitex -gen-path target/gen ../thrift/echo.thrift)
    (cd kitex && go build -o target/kitex .)
    echo "$sum" > kitex/target/.made-from
fi

# Its packages are many: beside what follows, too.
dubbo=
if ! done_once dubbo-go/target dubbo-go/go.mod dubbo-go/go.sum dubbo-go/*.go; then
    rm -rf dubbo-go/target
    (cd dubbo-go && go build -o target/dubbo-go .) &
    dubbo=$!
    dubbo_sum=$sum
fi

# What the suites are called in, and out of, the files that pin them.
if ! done_once conformance/target conformance/go.mod conformance/go.sum conformance/httpwg.version; then
    rm -rf conformance/target
    mkdir -p conformance/target/bin
    bin=$PWD/conformance/target/bin
    (cd conformance && go build -o "$bin/h2spec" github.com/summerwind/h2spec/cmd/h2spec)
    echo 2.6.0 > "$bin/h2spec.version"
    version=$(cat conformance/httpwg.version)
    # Built elsewhere than in this workspace, whose settings are none of the tool's.
    (cd conformance/target && cargo install --locked --quiet --root "$PWD" --target-dir build "httpwg-cli@$version")
    rm -rf conformance/target/build
    echo "$version" > "$bin/httpwg.version"
    echo "$sum" > conformance/target/.made-from
fi

if ! done_once tonic/target tonic/Cargo.toml tonic/Cargo.lock tonic/src/*.rs; then
    (cd tonic && cargo build --locked --quiet --target-dir target)
    echo "$sum" > tonic/target/.made-from
fi

# The longest of all, beside what follows.
volo=
if ! done_once volo/target thrift/echo.thrift volo/Cargo.toml volo/Cargo.lock volo/build.rs volo/src/*.rs; then
    (cd volo && cargo build --locked --quiet --target-dir target) &
    volo=$!
    volo_sum=$sum
fi

if ! done_once java/grpc/target java/grpc/pom.xml java/grpc/src/interop/*.java; then
    rm -rf java/grpc/target
    (cd java/grpc && mvn -q -B compile dependency:copy-dependencies -DoutputDirectory=target/lib)
    echo "$sum" > java/grpc/target/.made-from
fi

if ! done_once java/sofa/target java/sofa/pom.xml java/sofa/src/interop/*.java; then
    rm -rf java/sofa/target
    (cd java/sofa && mvn -q -B compile dependency:copy-dependencies -DoutputDirectory=target/lib)
    echo "$sum" > java/sofa/target/.made-from
fi

if ! done_once java/thrift/target thrift/echo.thrift java/thrift/pom.xml java/thrift/src/interop/*.java; then
    rm -rf java/thrift/target
    mkdir -p java/thrift/target/generated
    thrift -nowarn --gen java:generated_annotations=suppress -out java/thrift/target/generated thrift/echo.thrift
    (cd java/thrift && mvn -q -B compile dependency:copy-dependencies -DoutputDirectory=target/lib)
    echo "$sum" > java/thrift/target/.made-from
fi

for version in dubbo3 dubbo27; do
    if ! done_once "java/$version/target" "java/$version/pom.xml" java/src/interop/*.java; then
        rm -rf "java/$version/target"
        (cd "java/$version" && mvn -q -B compile dependency:copy-dependencies -DoutputDirectory=target/lib)
        echo "$sum" > "java/$version/target/.made-from"
    fi
done

if [ -n "$dubbo" ]; then
    wait "$dubbo"
    echo "$dubbo_sum" > dubbo-go/target/.made-from
fi

if [ -n "$volo" ]; then
    wait "$volo"
    echo "$volo_sum" > volo/target/.made-from
fi
