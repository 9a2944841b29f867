#!/usr/bin/env bash
# Runs all tests of what is built, with cargo-nextest where it is installed. Arguments go to the runner.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v cargo-nextest >/dev/null 2>&1; then
    exec cargo nextest run --locked --workspace --no-fail-fast "$@"
fi
echo "cargo-nextest is not installed: using cargo test" >&2
exec cargo test --locked --workspace --all-targets --no-fail-fast "$@" -- --test-threads=2
