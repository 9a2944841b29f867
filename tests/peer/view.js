// What a view shows: the fold of a snapshot and the frames after it, as docs/api.md tells it.

export const keyOf = ({ indicator, area, scenario }) => `${indicator}|${area}|${scenario ?? "actual"}`;

export class View {
  position = 0;
  arranged = null;
  latest = new Map();
  windows = [];
  windowsOf = new Map();

  /** Takes a snapshot or a frame; gives the series that changed. */
  take(message) {
    const changed = new Set();
    const until = message.type === "snapshot" ? message.offset : message.until;
    if (message.type === "frame" && this.position < message.since) throw new Error("a gap");
    for (const { at, kind, body } of message.changes) {
      if (message.type === "snapshot" || at > this.position) this.#apply(kind, body, changed);
    }
    this.position = Math.max(this.position, until);
    return changed;
  }

  #apply(kind, body, changed) {
    if (kind === "arranged") this.#arrange(body);
    if (kind === "observed") {
      this.latest.set(keyOf(body.series), body);
      changed.add(keyOf(body.series));
    }
    if (kind === "buckets") {
      const window = this.windows[body.window];
      for (const bucket of body.buckets) insert(window, bucket);
      changed.add(keyOf(window.spec.series));
    }
  }

  #arrange(body) {
    this.arranged = body;
    this.latest.clear();
    this.windowsOf.clear();
    this.windows = body.windows.map((spec) => ({ spec, buckets: [] }));
    for (const window of this.windows) {
      const key = keyOf(window.spec.series);
      this.windowsOf.set(key, [...(this.windowsOf.get(key) ?? []), window]);
    }
  }

  /** The window of a series over so many seconds. */
  window(series, secs) {
    return this.windowsOf.get(keyOf(series))?.find(({ spec }) => spec.span.last?.secs === secs);
  }
}

// Mostly the newest bucket, so the search begins at the end.
function insert({ spec, buckets }, bucket) {
  let place = buckets.length;
  while (place > 0 && buckets[place - 1].start > bucket.start) place -= 1;
  const isThere = place > 0 && buckets[place - 1].start === bucket.start;
  buckets.splice(isThere ? place - 1 : place, isThere ? 1 : 0, bucket);
  const width = Math.ceil((spec.span.last.secs * 1e6) / spec.buckets);
  const oldest = buckets.at(-1).start - width * (spec.buckets - 1);
  while (buckets[0].start < oldest) buckets.shift();
}
