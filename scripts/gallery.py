#!/usr/bin/env python3
"""Pictures of every layout of the demo centre into docs/gallery, with a page that shows them.

Starts a server of its own with fresh data and waits until its figures have come in.

GALLERY_BINARIES  where the programs are (default target/debug)
GALLERY_FOLDER    where the pictures go (default docs/gallery)
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlencode

ROOT = Path(__file__).resolve().parent.parent
BINARIES = Path(os.environ.get("GALLERY_BINARIES", Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"))
FOLDER = Path(os.environ.get("GALLERY_FOLDER", ROOT / "docs" / "gallery"))
HEIGHT = 2160
PATIENCE_SECS = 300
LARGEST_BYTES = 600_000


def get(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


def ask(url):
    return json.loads(get(url))


def is_ready(address):
    try:
        return ask(f"{address}/readyz")["history"]["behind"] == 0
    except urllib.error.HTTPError:
        return False


def started(server):
    for line in server.stdout:
        if line.startswith("listening on "):
            return line.removeprefix("listening on ").strip()
    sys.exit(f"gallery: the server did not start (it ended with {server.wait()}); what it said is above")


def await_figures(address):
    """Until every simulated source has caught up with the present, and the history with them."""
    before, deadline = {}, time.monotonic() + PATIENCE_SECS
    while time.monotonic() < deadline:
        sources = [source for source in ask(f"{address}/api/v1/sources") if source["kind"] == "simulated"]
        now = {source["id"]: source["health"]["accepted"] for source in sources if source.get("health")}
        # At the present a source gains a few rows now and then; while it fills in the past, many more.
        settled = len(now) == len(sources) and all(0 < now[id] < before.get(id, 0) * 1.01 for id in now)
        if settled and is_ready(address):
            return
        before = now
        time.sleep(1)
    sys.exit(f"gallery: the figures have not come in within {PATIENCE_SECS} s: {now}")


def canvas_of(layout, walls):
    """A wall of the layout's shape, so that type is as large as its room needs it; else the bare canvas."""
    columns, rows = layout["grid"]
    width = round(HEIGHT * columns / rows)
    fitting = [wall["id"] for wall in walls if wall["canvas"] == {"width_px": width, "height_px": HEIGHT}]
    return {"wall": fitting[0]} if fitting else {"width": width, "height": HEIGHT}


def paint(address):
    walls = ask(f"{address}/api/v1/walls")
    parts = ["# Gallery\n\nEvery layout of the demo centre with illustrative figures, painted by `make gallery`.\n"]
    for summary in ask(f"{address}/api/v1/layouts"):
        id, name = summary["id"], summary["name"]
        url = f"{address}/api/v1/layouts/{quote(id)}"
        picture = get(f"{url}.png?{urlencode(canvas_of(ask(url), walls))}")
        (FOLDER / f"{id}.png").write_bytes(picture)
        print(f"{id}.png  {len(picture) / 1000:.0f} kB", flush=True)
        if len(picture) > LARGEST_BYTES:
            print(f"gallery: {id}.png is larger than {LARGEST_BYTES / 1000:.0f} kB", file=sys.stderr)
        english = f" · {name['en']}" if name.get("en") else ""
        parts.append(f"## {name['vi']}{english}\n\n![{name['vi']}]({quote(id)}.png)\n")
    (FOLDER / "README.md").write_text("\n".join(parts), encoding="utf-8")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        command = [BINARIES / "ioc-server", "serve", "--config", ROOT / "config/demo", "--data", data]
        command += ["--listen", "127.0.0.1:0"]
        quiet = {**os.environ, "RUST_LOG": os.environ.get("RUST_LOG", "warn")}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=quiet) as server:
            try:
                address = started(server)
                await_figures(address)
                for old in FOLDER.glob("*.png"):
                    old.unlink()
                paint(address)
            finally:
                server.send_signal(signal.SIGTERM)


if __name__ == "__main__":
    main()
