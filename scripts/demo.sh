#!/usr/bin/env bash
# Starts a server and a wall with the demo centre and keeps them running. Ctrl-C ends both.
#
# DEMO_LISTEN   where the server listens (default 127.0.0.1:8080; port 0 picks one)
# DEMO_FOLDER   where the data, the picture and the logs are kept (default target/demo); one for each demo that runs
# DEMO_BINARIES where the programs are (default target/debug)
# DEMO_SECONDS  end by itself after so long
set -euo pipefail
cd "$(dirname "$0")/.."

listen=${DEMO_LISTEN:-127.0.0.1:8080}
folder=${DEMO_FOLDER:-$PWD/target/demo}
data=$folder/data
picture=$folder/wall.png
binaries=${DEMO_BINARIES:-${CARGO_TARGET_DIR:-target}/debug}
mkdir -p "$folder" "$data"
rm -f "$picture"
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$folder}

server='' wall='' asker=''
stop() {
    trap - EXIT INT TERM HUP
    for process in "$asker" "$wall" "$server"; do
        if [ -n "$process" ] && kill -0 "$process" 2>/dev/null; then
            kill -TERM "$process" 2>/dev/null || true
            wait "$process" 2>/dev/null || true
        fi
    done
    echo "demo: stopped"
}
# await PROCESS NAME SECONDS CONDITION: until it is met, or the process ended, or it takes too long.
await() {
    local process=$1 name=$2 seconds=$3 condition=$4
    for _ in $(seq $((seconds * 10))); do
        "$condition" && return
        if ! kill -0 "$process" 2>/dev/null; then
            echo "demo: the $name did not start:" >&2
            tail -n 5 "$folder/$name.log" >&2
            exit 1
        fi
        sleep 0.1
    done
    echo "demo: the $name was not ready within $seconds s; see $folder/$name.log" >&2
    exit 1
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# The server takes this signal for a reload.
trap 'exit 129' HUP

if [ "${listen##*:}" != 0 ] && (exec 3<>"/dev/tcp/${listen%:*}/${listen##*:}") 2>/dev/null; then
    echo "demo: $listen is in use. Stop what listens there, or choose another address and another folder: DEMO_LISTEN=127.0.0.1:8081 DEMO_FOLDER=$folder-2 make demo" >&2
    exit 1
fi

echo
echo "== starting the server (log: $folder/server.log)"
: >"$folder/server.out"
"$binaries/ioc-server" serve --config config/demo --data "$data" --listen "$listen" \
    >"$folder/server.out" 2>"$folder/server.log" &
server=$!

address=
has_address() {
    address=$(sed -n 's/^listening on //p' "$folder/server.out" | head -n1)
    [ -n "$address" ]
}
await "$server" server 30 has_address

echo "== starting the wall (log: $folder/wall.log)"
wall_arguments=(--server "$address" --wall main)
if [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    wall_arguments+=(--headless 3840x2160)
fi
# The wall takes commands from a pipe: every few seconds it is asked for its picture.
rm -f "$folder/control"
mkfifo "$folder/control"
"$binaries/ioc-wall" "${wall_arguments[@]}" --control - <"$folder/control" >"$folder/wall.out" 2>"$folder/wall.log" &
wall=$!
(
    trap - EXIT INT TERM
    while kill -0 "$wall" 2>/dev/null; do
        sleep 2
        echo "capture $picture"
    done >"$folder/control"
) &
asker=$!

has_picture() {
    [ -s "$picture" ]
}
await "$wall" wall 60 has_picture

cat <<TEXT

  the wall's picture   $picture
  in a browser         $address/watch/overview
  the console          $address/console/
  the API              $address/openapi.json
  metrics              $address/metrics

Ctrl-C ends it.
TEXT

if [ -n "${DEMO_SECONDS:-}" ]; then
    sleep "$DEMO_SECONDS" &
    wait $!
    exit 0
fi
wait -n "$server" "$wall" || true
echo "demo: one of the two ended; see $folder/server.log and $folder/wall.log" >&2
exit 1
