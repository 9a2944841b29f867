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
folder=${CARGO_TARGET_DIR:-target}/release
status=0
"$folder/bench" "$@" || status=1
if [ $# = 0 ]; then
    echo
    echo wall
    "$folder/wall-bench" || status=1
fi
exit $status
