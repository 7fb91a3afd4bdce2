#!/bin/sh
# nginx as a peer: `nginx.sh server PORT SECONDS`, or `nginx.sh version`.
set -eu

if [ "$1" = version ]; then
    command -v nginx >/dev/null || exit 1
    nginx -v 2>&1 | sed 's,.*/,,'
    exit
fi

port=$2
seconds=$3
home=$INTEROP_WORK/nginx-$port
mkdir -p "$home/tmp" "$home/www"
printf 'hello\n' > "$home/www/hello"
seq 1 3000000 | head -c 16777216 > "$home/www/numbers"

cat > "$home/nginx.conf" <<CONF
include /etc/nginx/modules-enabled/*.conf;
daemon off;
master_process off;
error_log $home/error.log warn;
pid $home/nginx.pid;
events {}
http {
    access_log off;
    default_type text/plain;
    client_max_body_size 64m;
    client_body_temp_path $home/tmp/body;
    proxy_temp_path $home/tmp/proxy;
    fastcgi_temp_path $home/tmp/fastcgi;
    uwsgi_temp_path $home/tmp/uwsgi;
    scgi_temp_path $home/tmp/scgi;
    server {
        listen 127.0.0.1:$port;
        root $home/www;
        location /echo {
            echo_read_request_body;
            echo_request_body;
        }
    }
}
CONF

timeout "$seconds" nginx -e "$home/error.log" -c "$home/nginx.conf" </dev/null >&2 &
nginx=$!
trap 'kill $nginx 2>/dev/null || true; wait $nginx || true' EXIT
tries=0
until curl -sf -o "$home/probe" "http://127.0.0.1:$port/hello"; do
    kill -0 $nginx
    tries=$((tries + 1))
    [ $tries -lt 100 ]
    sleep 0.05
done
echo "READY $port"
# The end of input is the end.
cat >/dev/null
