#!/usr/bin/env bash
# Installs what `demo`, `gallery` or `test` needs and is not there yet. Quick when nothing is missing.
set -euo pipefail

purpose=${1:-test}
missing=()

need_program() { # package program...
    local package=$1 program
    shift
    for program in "$@"; do
        if command -v "$program" >/dev/null 2>&1; then return; fi
    done
    missing+=("$package")
}

libraries=$( (ldconfig -p || /sbin/ldconfig -p) 2>/dev/null || true)
need_library() { # package soname
    case $libraries in
        *"$2"*) ;;
        *) missing+=("$1") ;;
    esac
}

need_file() { # package file...
    local package=$1 file
    shift
    for file in "$@"; do
        if [ -e "$file" ]; then return; fi
    done
    missing+=("$package")
}

need_vulkan_driver() {
    local folder file
    for folder in /usr/share/vulkan/icd.d /etc/vulkan/icd.d; do
        for file in "$folder"/*.json; do
            if [ -e "$file" ]; then return; fi
        done
    done
    missing+=(mesa-vulkan-drivers)
}

check_rust() {
    local wanted=1.95 found
    if ! command -v cargo >/dev/null 2>&1; then
        echo "setup: cargo is not installed. Install Rust $wanted or newer: https://rustup.rs" >&2
        exit 1
    fi
    found=$(cargo --version | cut -d' ' -f2)
    if [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n1)" != "$wanted" ]; then
        echo "setup: Rust $found is too old; this needs $wanted or newer: rustup update stable" >&2
        exit 1
    fi
}

install_missing() {
    local as_root=()
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: these are missing and there is no apt-get to install them: ${missing[*]}" >&2
        echo "setup: install what your system calls them, then run this again." >&2
        exit 1
    fi
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            echo "setup: these packages are missing: ${missing[*]}" >&2
            echo "setup: install them as root: apt-get install --no-install-recommends ${missing[*]}" >&2
            exit 1
        fi
        as_root=(sudo)
    fi
    echo "setup: installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

check_rust
need_program gcc cc gcc
need_program libc6-dev cc
need_program pkg-config pkg-config
# The console is built with npm.
if [ "$purpose" != gallery ]; then
    need_program npm npm
fi
need_library libvulkan1 libvulkan.so.1
need_vulkan_driver
if [ "$purpose" = test ] || [ -n "${DISPLAY:-}" ]; then
    need_library libxcursor1 libXcursor.so.1
    need_library libxi6 libXi.so.6
    need_library libxkbcommon-x11-0 libxkbcommon-x11.so.0
fi
if [ "$purpose" = test ] || [ "$purpose" = gallery ]; then
    need_program python3 python3
fi
if [ "$purpose" = test ]; then
    need_program xvfb Xvfb
    need_program redis-server redis-server
    need_program postgresql-client psql
    need_file postgresql /usr/lib/postgresql/*/bin/postgres
    need_file mariadb-server /usr/sbin/mariadbd /usr/bin/mariadbd
    need_file mosquitto /usr/sbin/mosquitto /usr/bin/mosquitto
    need_program mosquitto-clients mosquitto_pub
    need_program chromium chromium chromium-browser google-chrome
    # Reads printed pages back.
    need_program poppler-utils pdftotext
    # A full disk is a small one of a test's own, mounted as root or in a user namespace.
    need_program util-linux unshare
fi

if [ "${#missing[@]}" -gt 0 ]; then
    install_missing
fi
echo "setup: all there"
