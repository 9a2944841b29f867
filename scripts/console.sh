#!/usr/bin/env bash
# Builds the console into server/console/dist/site, from where the server takes it in. Quick when nothing has changed.
set -euo pipefail
cd "$(dirname "$0")/../server/console"

if ! command -v npm >/dev/null 2>&1; then
    echo "console: npm is missing; install Node 20.19 or newer with it (https://nodejs.org) and run again." >&2
    exit 2
fi
wanted=20.19
found=$(node --version 2>/dev/null | sed 's/^v//')
if [ "$(printf '%s\n%s\n' "$wanted" "${found:-0}" | sort -V | head -n1)" != "$wanted" ]; then
    echo "console: Node ${found:-is missing and} is too old; this needs $wanted or newer: https://nodejs.org" >&2
    exit 2
fi
if ! cmp -s package-lock.json node_modules/installed.json; then
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
    cp package-lock.json node_modules/installed.json
fi
stamp=node_modules/built
changed=$(find . ../openapi.json ../../assets/locales/console.*.ftl \
    \( -path ./node_modules -o -path ./dist -o -path ./src/schema.d.ts \) -prune -o -type f -newer "$stamp" -print 2>/dev/null | head -1 || true)
if [ ! -f "$stamp" ] || [ ! -f dist/site/index.html ] || [ -n "$changed" ]; then
    npm run --silent build
    touch "$stamp"
fi
