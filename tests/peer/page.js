// Follows a server, as the wall does, and sets the panels whose series changed. `peer` says what it did.

import { KINDS } from "./panels.js";
import { keyOf, View } from "./view.js";

const query = new URLSearchParams(location.search);
const view = new View();
const panels = [];
const [MARGIN, GUTTER] = [48, 24];

/** Which panels have series; snapshots and frames with changes; how often each panel was set and its chart drawn. */
globalThis.peer = { fed: [], snapshots: 0, frames: 0, sets: {}, draws: {}, isOpen: false };
const now = () => Date.now() * 1000;
const count = (counts, id) => (counts[id] = (counts[id] ?? 0) + 1);

function place(tile, { column, row, columns, rows }, [width, height]) {
  const { innerWidth, innerHeight } = globalThis;
  const scale = innerHeight / 2160;
  const cell = [(innerWidth - (2 * MARGIN - GUTTER) * scale) / width, (innerHeight - (2 * MARGIN - GUTTER) * scale) / height];
  const at = (index, axis) => Math.round(MARGIN * scale + index * cell[axis]);
  const end = (index, axis) => Math.round(MARGIN * scale + index * cell[axis] - GUTTER * scale);
  const [left, top] = [at(column, 0), at(row, 1)];
  const [right, bottom] = [end(column + columns, 0), end(row + rows, 1)];
  Object.assign(tile.style, { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
}

function arrange() {
  const wall = document.getElementById("wall");
  const { layout } = view.arranged;
  document.title = layout.name.vi;
  panels.length = 0;
  wall.replaceChildren();
  for (const { id, kind, place: where, options } of layout.panels) {
    const tile = wall.appendChild(document.createElement("section"));
    tile.className = "tile plate";
    place(tile, where, layout.grid);
    const panel = KINDS[kind](tile, options, view, () => count(peer.draws, id));
    panels.push({ id, ...panel, keys: panel.series.map(keyOf) });
  }
  peer.fed = panels.filter(({ keys }) => keys.length > 0).map(({ id }) => id);
}

function show(isWanted) {
  for (const panel of panels.filter(isWanted)) {
    panel.set(now());
    count(peer.sets, panel.id);
  }
}

function receive(message) {
  if (message.type === "snapshot") {
    view.take(message);
    arrange();
    show(() => true);
    peer.snapshots += 1;
  } else if (message.type === "frame") {
    const changed = view.take(message);
    if (changed.size === 0) return;
    peer.frames += 1;
    show(({ keys }) => keys.some((key) => changed.has(key)));
  }
}

function tick() {
  show(({ ticks }) => ticks);
  setTimeout(tick, 1000 - (Date.now() % 1000));
}

await Promise.all(["400 1em Inter", "600 1em Inter", "600 1em Display", "700 1em Display"].map((font) => document.fonts.load(font)));
const socket = new WebSocket(`ws://${query.get("server")}/live`, "ioc.v1.json");
socket.onopen = () => {
  peer.isOpen = true;
  socket.send(JSON.stringify({ type: "hello", view: { wall: query.get("wall") ?? "main" } }));
};
socket.onmessage = ({ data }) => receive(JSON.parse(data));
socket.onclose = () => (peer.isOpen = false);
tick();
