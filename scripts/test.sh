#!/usr/bin/env bash
# Runs all tests of what is built, with cargo-nextest where it is installed. Arguments go to the runner.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v cargo-nextest >/dev/null 2>&1; then
    exec cargo nextest run --locked --workspace --no-fail-fast "$@"
fi
echo "cargo-nextest is not installed: using cargo test" >&2
status=0
run() {
    cargo test --locked --no-fail-fast "$@" || status=1
}
run --workspace --exclude tests --all-targets "$@" -- --test-threads=2
run -p tests --lib --bins --test tidy "$@" -- --test-threads=2
# These start whole processes and measure: one at a time.
run -p tests --test suite "$@" -- --test-threads=1
exit $status
