#!/usr/bin/env python3
"""Watches a view through many connections and checks every promise that the live connection makes.

Written from the description of the protocol alone, with nothing but Python's standard library, so that a
mistake in the project's own types cannot hide itself here.

    checker.py --address 127.0.0.1:8080 [--address …] --view '{"wall": "main"}' --clients 50

Commands on standard input, each answered by one JSON line on standard output:
    status    how far the clients are
    finish    wait until every client is where the server is, compare all states, print the summary, exit

Exit status: 0 all promises held, 1 one was broken (named in "violations"), 2 wrong usage.
"""

import argparse
import asyncio
import json
import random
import sys
import time

from socket_client import ConnectionLost, WebSocket
from view import State, Violation

# A view is promised a frame every second.
SILENCE_LIMIT = 3.0


class Position:
    """Up to where a client has everything, in which log."""

    def __init__(self):
        self.epoch = None
        self.offset = 0


class Connection:
    """What is checked within one connection: spans join, and nothing comes before its time."""

    def __init__(self, viewer, offered):
        self.viewer = viewer
        self.offered = offered
        self.welcomed = False
        self.awaits_snapshot = False
        self.has_content = False
        self.until = None

    def take(self, message):
        kind = message.get("type")
        handler = getattr(self, "take_" + str(kind), None)
        if handler is None:
            self.viewer.counts["unexpected"] += 1
            return
        handler(message)

    def take_welcome(self, message):
        position, counts = self.viewer.position, self.viewer.counts
        if self.welcomed:
            raise Violation("a second welcome on one connection")
        self.welcomed = True
        epoch, resumed = message["epoch"], message["resumed"]
        if resumed and not self.offered:
            raise Violation("resumed without having been here before")
        if resumed and epoch != position.epoch:
            raise Violation(f"resumed in epoch {epoch}, but this client was in {position.epoch}")
        if self.offered:
            counts["resumes" if resumed else "refused_resumes"] += 1
        if position.epoch is not None and epoch != position.epoch:
            counts["epoch_changes"] += 1
        if epoch != position.epoch:
            position.epoch, position.offset = epoch, 0
        self.awaits_snapshot = not resumed

    def take_snapshot(self, message):
        self.require_welcome("snapshot")
        position, offset = self.viewer.position, message["offset"]
        if offset < position.offset:
            raise Violation(f"a snapshot of {offset} for a client that already had {position.offset}")
        self.viewer.state.replace(message["changes"], offset)
        self.viewer.counts["snapshots"] += 1
        position.offset, self.until = offset, None
        self.awaits_snapshot, self.has_content = False, True

    def take_frame(self, message):
        self.require_welcome("frame")
        if self.awaits_snapshot:
            raise Violation("a frame before the snapshot that was due")
        since, until, position = message["since"], message["until"], self.viewer.position
        if since > until:
            raise Violation(f"a frame from {since} back to {until}")
        if self.until is not None and until < self.until:
            raise Violation(f"out of order: the last frame ended at {self.until}, this one covers ({since}, {until}]")
        if since > position.offset:
            raise Violation(f"a gap: this client has everything up to {position.offset}, the frame begins after {since}")
        if not isinstance(message["present_at"], int):
            raise Violation(f"present_at is {message['present_at']!r}")
        self.until, self.has_content = until, True
        self.viewer.counts["frames"] += 1
        self.viewer.counts["overlaps"] += since < position.offset
        self.viewer.state.apply_frame(message["changes"], since, until, position.offset)
        position.offset = max(position.offset, until)

    def take_clock(self, message):
        if message["t1"] > message["t2"]:
            raise Violation(f"a clock that runs backwards: {message}")
        self.viewer.counts["clocks"] += 1

    def take_signal(self, message):
        self.viewer.counts["signals"] += 1

    def take_bye(self, message):
        self.viewer.counts["byes"] += 1
        if message["reason"] in ("bad_message", "unknown_view"):
            raise Violation(f"the server refused a good client: {message}")
        self.viewer.retry_after = message["retry_after_ms"] / 1000

    def require_welcome(self, what):
        if not self.welcomed:
            raise Violation(f"a {what} before the welcome")


class Viewer:
    """One client: connects, follows, reconnects and resumes until it is told to stop."""

    def __init__(self, number, options, counts):
        self.number = number
        self.options = options
        self.counts = counts
        self.dice = random.Random(f"{options.seed}/{number}")
        self.position = Position()
        self.state = State(counts)
        self.retry_after = 0.0
        self.failures = 0
        self.connections = 0
        self.violations = []
        self.moved = asyncio.Event()

    async def run(self):
        while not self.violations:
            try:
                await self.connect()
            except Violation as violation:
                self.violations.append(f"client {self.number}, connection {self.connections}: {violation}")
                self.moved.set()
            except (OSError, ConnectionLost, asyncio.TimeoutError):
                self.failures += 1
            await asyncio.sleep(self.pause())

    def pause(self):
        longest = min(self.options.max_wait, 0.05 * 2 ** min(self.failures, 10))
        pause = min(self.retry_after, self.options.max_wait) + self.dice.uniform(0, longest)
        self.retry_after = 0.0
        return pause

    async def connect(self):
        address = self.options.address[(self.number + self.connections) % len(self.options.address)]
        socket = await asyncio.wait_for(WebSocket.open(address, "/live", "ioc.v1.json"), 5)
        self.connections += 1
        try:
            await self.follow(socket)
        finally:
            socket.close()

    async def follow(self, socket):
        offered = self.position.epoch is not None
        hello = {"type": "hello", "view": self.options.view}
        if offered:
            hello["resume"] = {"epoch": self.position.epoch, "offset": self.position.offset}
            self.counts["reconnects"] += 1
        await socket.send(json.dumps(hello))
        await socket.send(json.dumps({"type": "clock", "t0": time.time_ns() // 1000}))
        connection = Connection(self, offered)
        while True:
            text = await asyncio.wait_for(socket.receive(), SILENCE_LIMIT)
            try:
                connection.take(json.loads(text))
            except (KeyError, TypeError, ValueError) as error:
                raise Violation(f"not as described ({error!r}): {text[:300]}") from error
            if connection.has_content:
                self.failures = 0
            self.moved.set()

    async def reach(self, offset, deadline):
        """Waits until this client has everything up to `offset`."""
        while self.position.offset < offset and not self.violations:
            self.moved.clear()
            left = deadline - time.monotonic()
            if left <= 0:
                raise Violation(f"client {self.number} stands at {self.position.offset}, the server at {offset}")
            try:
                await asyncio.wait_for(self.moved.wait(), left)
            except asyncio.TimeoutError:
                pass


async def fetch(address, view):
    """The server's own state: what a newcomer is sent."""
    counts = new_counts()
    viewer = Viewer(-1, argparse.Namespace(seed=0), counts)
    socket = await asyncio.wait_for(WebSocket.open(address, "/live", "ioc.v1.json"), 5)
    try:
        await socket.send(json.dumps({"type": "hello", "view": view}))
        connection = Connection(viewer, False)
        while not connection.has_content:
            connection.take(json.loads(await asyncio.wait_for(socket.receive(), 10)))
    finally:
        socket.close()
    return viewer


def new_counts():
    names = "frames snapshots reconnects resumes refused_resumes epoch_changes overlaps byes signals clocks unexpected changes"
    return dict.fromkeys(names.split(), 0)


async def settle(viewers, options):
    """Waits until all clients stand where the servers stand; gives what differs then."""
    deadline = time.monotonic() + options.settle
    while True:
        servers = [(address, await fetch(address, options.view)) for address in options.direct]
        offset = max(server.position.offset for _, server in servers)
        for viewer in viewers:
            await viewer.reach(offset, deadline)
        differences = compare(servers, viewers)
        if not differences or time.monotonic() > deadline:
            return offset, differences
        await asyncio.sleep(0.2)


def compare(servers, viewers):
    first_address, first = servers[0]
    differences = []
    for address, server in servers[1:]:
        difference = first.state.difference(server.state)
        if difference:
            differences.append(f"{first_address} and {address} say different things: {difference}")
    for viewer in viewers:
        if viewer.position.epoch != first.position.epoch:
            differences.append(f"client {viewer.number} is in epoch {viewer.position.epoch}, the server in {first.position.epoch}")
            continue
        difference = first.state.difference(viewer.state)
        if difference:
            differences.append(f"client {viewer.number} (server first): {difference}")
    return differences


def summary(viewers, counts, offset, differences):
    violations = [violation for viewer in viewers for violation in viewer.violations] + differences
    asked = counts["resumes"] + counts["refused_resumes"]
    return {
        "ok": not violations,
        "clients": len(viewers),
        "offset": offset,
        **counts,
        "resumed_share": round(counts["resumes"] / asked, 4) if asked else None,
        "violations": violations[:20],
    }


async def finish(viewers, options, counts):
    offset, differences = None, []
    if not any(viewer.violations for viewer in viewers):
        try:
            offset, differences = await settle(viewers, options)
        except (Violation, OSError, ConnectionLost, asyncio.TimeoutError) as error:
            differences = [f"at the end: {error!r}"]
    result = summary(viewers, counts, offset, differences)
    print(json.dumps(result), flush=True)
    return 0 if result["ok"] else 1


def status(viewers, counts):
    offsets = [viewer.position.offset for viewer in viewers]
    bad = [violation for viewer in viewers for violation in viewer.violations]
    return {**counts, "slowest": min(offsets), "fastest": max(offsets), "violations": bad[:20]}


async def main(options):
    counts = new_counts()
    viewers = [Viewer(number, options, counts) for number in range(options.clients)]
    tasks = [asyncio.create_task(viewer.run()) for viewer in viewers]
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    try:
        while True:
            command = (await commands.readline()).decode().strip()
            if command == "status":
                print(json.dumps(status(viewers, counts)), flush=True)
            elif command in ("finish", ""):
                return await finish(viewers, options, counts)
            else:
                print(json.dumps({"error": f"unknown command {command!r}; status or finish"}), flush=True)
    finally:
        for task in tasks:
            task.cancel()


def parse(arguments):
    parser = argparse.ArgumentParser(description="Checks the promises of the live connection.")
    parser.add_argument("--address", action="append", required=True, help="host:port to connect to; several are used in turn")
    parser.add_argument("--direct", action="append", help="host:port of a server to compare with; the addresses if absent")
    parser.add_argument("--view", type=json.loads, default={"wall": "main"})
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--max-wait", type=float, default=5.0, help="longest pause between two attempts, in seconds")
    parser.add_argument("--settle", type=float, default=30.0, help="how long the end may take, in seconds")
    options = parser.parse_args(arguments)
    options.direct = options.direct or options.address
    return options


if __name__ == "__main__":
    sys.exit(asyncio.run(main(parse(sys.argv[1:]))))
