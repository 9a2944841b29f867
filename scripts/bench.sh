#!/usr/bin/env bash
# Measures the release build against its limits; exits 1 when one is missed.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted_files=20000
if [ "$(ulimit -n)" != unlimited ] && [ "$(ulimit -n)" -lt "$wanted_files" ]; then
    ulimit -n "$wanted_files" 2>/dev/null || {
        echo "bench: 2,000 clients need $wanted_files open files, but the limit is $(ulimit -n)." >&2
        echo "bench: raise it (ulimit -n $wanted_files, or nofile in /etc/security/limits.conf) and run again." >&2
        exit 2
    }
fi
target=${CARGO_TARGET_DIR:-target}
folder=$target/release

# What the page beside the wall draws its charts with, in the version that tests/peer/package-lock.json names.
install_echarts() {
    local place=$target/peer
    if ! command -v npm >/dev/null 2>&1; then
        echo "bench: the peer of the wall is a page with ECharts, which npm fetches, and npm is missing." >&2
        echo "bench: install it (apt-get install npm, or https://nodejs.org) and run again." >&2
        exit 2
    fi
    mkdir -p "$place"
    if ! cmp -s tests/peer/package-lock.json "$place/installed.json"; then
        cp tests/peer/package.json tests/peer/package-lock.json "$place/"
        npm ci --prefix "$place" --ignore-scripts --no-audit --no-fund --loglevel=error
        cp tests/peer/package-lock.json "$place/installed.json"
    fi
}

case " $* " in
    "  " | *" peer "*) install_echarts ;;
esac
status=0
"$folder/bench" "$@" || status=1
if [ $# = 0 ]; then
    echo
    echo wall
    "$folder/wall-bench" || status=1
    echo
    echo painting
    "${CARGO:-cargo}" bench --quiet --locked --workspace --bench paint || status=1
fi
exit $status
