"""What a client knows of a view, built from nothing but the changes it was sent."""

import datetime
import json


class Violation(Exception):
    """A promise of the server was broken."""


# Kinds of records, with what names one of them and what it is called among the kinds that a view needs.
RECORDS = {
    "task": ("id", "task"),
    "alarm": ("id", "alarm"),
    "session": ("id", "session"),
    "source_state": ("source", "source"),
}


def ended_at(kind, record):
    """When a record came to its end; None while it has not."""
    if kind == "task" and record.get("closed_on"):
        day = datetime.datetime.fromisoformat(record["closed_on"] + "T00:00:00+00:00")
        return round(day.timestamp()) * 1_000_000
    if kind == "alarm" and record["state"]["kind"] == "cleared":
        return record["state"]["at"]
    if kind == "session" and record["stage"]["kind"] == "closed":
        return record["stage"]["at"]
    return None


def series_name(series):
    return (series["indicator"], series["area"], series.get("scenario", "actual"))


class Window:
    """Buckets by their start; those that left the span are forgotten."""

    def __init__(self, spec):
        self.spec = spec
        self.buckets = {}

    def fill(self, buckets):
        for bucket in buckets:
            self.buckets[bucket["start"]] = bucket
        oldest = self.oldest()
        self.buckets = {start: bucket for start, bucket in self.buckets.items() if start >= oldest}

    def oldest(self):
        span, count = self.spec["span"], max(1, min(2048, self.spec["buckets"]))
        if "between" in span:
            return span["between"]["from"]
        width = max(1, -(-span["last"]["secs"] * 1_000_000 // count))
        return max(self.buckets, default=0) - width * (count - 1)


class State:
    def __init__(self, counts):
        self.counts = counts
        self.arranged = None
        self.latest = {}
        self.windows = []
        self.records = {}

    def replace(self, envelopes, offset):
        """A snapshot: everything there is, up to `offset`."""
        self.arranged, self.latest, self.windows, self.records = None, {}, [], {}
        for envelope in envelopes:
            if envelope["at"] > offset:
                raise Violation(f"a change at {envelope['at']} in a snapshot of {offset}")
            self.apply(envelope)
        if self.arranged is None:
            raise Violation("a snapshot without an arrangement")

    def apply_frame(self, envelopes, since, until, position):
        """The changes of a span. Those up to `position` are known already: they are passed over, but none may be news."""
        seen = set()
        for envelope in envelopes:
            at = envelope["at"]
            if not since < at <= until:
                raise Violation(f"a change at {at} in a frame that covers ({since}, {until}]: {shorten(envelope)}")
            for name in merged_names(envelope):
                if name in seen:
                    raise Violation(f"{name} twice in the frame that covers ({since}, {until}]")
                seen.add(name)
            if at > position:
                self.apply(envelope)
            elif envelope["kind"] == "observed" and self.is_news(at, envelope["body"]):
                raise Violation(f"left out before: {shorten(envelope)}, though everything up to {position} was sent")

    def apply(self, envelope):
        self.counts["changes"] += 1
        kind, body = envelope["kind"], envelope["body"]
        if kind == "arranged":
            self.arranged = body
            self.latest = {series_name(series): None for series in body["series"]}
            self.windows = [Window(spec) for spec in body["windows"]]
            self.records = {}
        elif kind == "observed":
            self.observe(envelope["at"], body)
        elif kind == "buckets":
            if body["window"] >= len(self.windows):
                raise Violation(f"buckets of window {body['window']}, but there are {len(self.windows)}")
            self.windows[body["window"]].fill(body["buckets"])
        elif kind in RECORDS:
            self.record(envelope["at"], kind, body)
        elif kind == "horizon":
            self.forget(body)
        else:
            self.counts["unexpected"] += 1

    def observe(self, at, observation):
        name = series_name(observation["series"])
        if name not in self.latest:
            raise Violation(f"a value of {name}, which is not part of this view")
        held = self.latest[name]
        if held is None or (observation["phenomenon_time"], at) >= (held[1]["phenomenon_time"], held[0]):
            self.latest[name] = (at, observation)

    def record(self, at, kind, body):
        named_by, needed_as = RECORDS[kind]
        name = (kind, body[named_by])
        if self.arranged is None or needed_as not in self.arranged.get("records", []):
            raise Violation(f"{name}, which is not part of this view")
        if name not in self.records or self.records[name][0] <= at:
            self.records[name] = (at, body)

    def forget(self, horizon):
        def is_gone(name, at, body):
            ended = ended_at(name[0], body)
            return ended is not None and at < horizon["floor"] and ended < horizon[name[0] + "s"]

        self.records = {name: held for name, held in self.records.items() if not is_gone(name, *held)}

    def is_news(self, at, observation):
        held = self.latest.get(series_name(observation["series"]))
        return held is None or (observation["phenomenon_time"], at) > (held[1]["phenomenon_time"], held[0])

    def difference(self, other):
        """The first thing in which two states differ; None when they are equal."""
        if self.arranged != other.arranged:
            return f"arranged {shorten(self.arranged)} ≠ {shorten(other.arranged)}"
        for name in self.latest:
            mine, theirs = value_of(self.latest[name]), value_of(other.latest.get(name))
            if mine != theirs:
                return f"{name}: {shorten(mine)} ≠ {shorten(theirs)}"
        for name in sorted(self.records.keys() | other.records.keys()):
            mine, theirs = value_of(self.records.get(name)), value_of(other.records.get(name))
            if mine != theirs:
                return f"{name}: {shorten(mine)} ≠ {shorten(theirs)}"
        for mine, theirs in zip(self.windows, other.windows):
            difference = bucket_difference(mine, theirs)
            if difference:
                return f"window of {mine.spec['series']}: {difference}"
        return None


def value_of(latest):
    return None if latest is None else latest[1]


def bucket_difference(mine, theirs):
    for start in sorted(mine.buckets.keys() | theirs.buckets.keys()):
        pair = [without_place(window.buckets.get(start)) for window in (mine, theirs)]
        if pair[0] != pair[1]:
            return f"bucket {start}: {shorten(pair[0])} ≠ {shorten(pair[1])}"
    return None


def without_place(bucket):
    """A bucket carries its own envelope offset as `at`."""
    return bucket and {key: value for key, value in bucket.items() if key != "at"}


def merged_names(envelope):
    """What may appear only once in a frame."""
    body = envelope["body"]
    if envelope["kind"] == "observed":
        return [("value",) + series_name(body["series"])]
    if envelope["kind"] == "buckets":
        return [("bucket", body["window"], bucket["start"]) for bucket in body["buckets"]]
    if envelope["kind"] in RECORDS:
        return [(envelope["kind"], body[RECORDS[envelope["kind"]][0]])]
    return []


def shorten(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 400 else text[:400] + "…"
