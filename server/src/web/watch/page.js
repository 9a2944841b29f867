"use strict";
// Shows one view live: painted panels come over /live (ioc.v1.svg) and are put in their places.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const SILENCE_MS = 2000;      // of a link that is lost
  const GIVE_UP_MS = 5000;      // of a socket that is not waited for any longer
  const MAX_DELAY_MS = 5000;    // between attempts to connect
  const page = JSON.parse(document.getElementById("page").textContent);
  const words = page.words;
  const hyphened = (text) => text.replaceAll("_", "-");
  const byId = (id) => document.getElementById(id);
  const [picture, banner, linkText, tip, printed] = ["picture", "banner", "link", "tip", "printed"].map(byId);
  const locale = page.language === "en" ? "en-GB" : "vi-VN";
  const timeZone = page.time_zone || "Asia/Ho_Chi_Minh";
  const clock = new Intl.DateTimeFormat(locale, { timeZone, timeStyle: "medium" });
  const moment = new Intl.DateTimeFormat(locale, {
    timeZone, day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
  });

  // --- the connection -------------------------------------------------------------------------

  let socket = null;
  let epoch = null;         // names the server's log; with `position`, where to go on
  let position = 0;         // everything up to this offset of the log is shown
  let attempt = 0;
  let retryTimer = 0;
  let heardAt = performance.now();
  let heardClock = Date.now();
  let reason = "";          // why the server closed, for a person
  let logAwaySince = null;

  function connect() {
    clearTimeout(retryTimer);
    const address = new URL("/live", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const opened = new WebSocket(address, "ioc.v1.svg");
    socket = opened;
    const startedAt = performance.now();
    opened.onopen = () => {
      const hello = { type: "hello", view: page.view };
      if (epoch !== null) hello.resume = { epoch, offset: position };
      opened.send(JSON.stringify(hello));
    };
    opened.onmessage = (event) => { if (opened === socket) hear(event.data); };
    opened.onclose = () => { if (opened === socket) reconnect(); };
    opened.startedAt = startedAt;
  }

  // Full jitter, so that pages do not come back all at once.
  function reconnect(afterMs = 0) {
    const old = socket;
    socket = null;
    if (old) old.close();
    clearTimeout(retryTimer);
    const longest = Math.min(MAX_DELAY_MS, 250 * 2 ** attempt);
    attempt = Math.min(attempt + 1, 10);
    retryTimer = setTimeout(connect, Math.min(MAX_DELAY_MS, Math.max(afterMs, Math.random() * longest)));
  }

  function hear(text) {
    heardAt = performance.now();
    heardClock = Date.now();
    let message;
    try { message = JSON.parse(text); } catch { return reconnect(); }
    switch (message.type) {
      case "welcome": return welcome(message);
      case "snapshot": return snapshot(message);
      case "frame": return frame(message);
      case "signal": return signal(message);
      case "bye": return bye(message);
      default: return undefined; // of a newer server
    }
  }

  function welcome(message) {
    attempt = 0;
    reason = "";
    logAwaySince = null;
    if (!message.resumed) position = 0;
    epoch = message.epoch;
    showLink();
  }

  function snapshot(message) {
    message.changes.forEach((envelope) => apply(envelope));
    position = message.offset;
    showLink();
  }

  // A frame covers (since, until]: it joins on, is known already, or there is a gap.
  function frame(message) {
    if (position < message.since) return reconnect();
    if (message.until > position) {
      message.changes.filter((envelope) => envelope.at > position).forEach((envelope) => apply(envelope));
      position = message.until;
    }
    return showLink();
  }

  function signal(message) {
    if (message.signal === "repainted") message.panels.forEach(putPanel);
    if (message.signal === "log") logAwaySince = message.away_since;
    showLink();
  }

  function bye(message) {
    reason = words[`bye-${hyphened(message.reason ?? "")}`] ?? "";
    if (message.reason === "unknown_view" || message.reason === "new_epoch") epoch = null;
    reconnect(message.retry_after_ms);
  }

  setInterval(() => {
    const silence = performance.now() - heardAt;
    const isStuck = socket && silence > GIVE_UP_MS && performance.now() - socket.startedAt > GIVE_UP_MS;
    if (isStuck) reconnect();
    showLink();
  }, 250);
  addEventListener("online", () => { if (!socket) connect(); });
  addEventListener("pageshow", (event) => { if (event.persisted) reconnect(); });

  // --- how the link is ------------------------------------------------------------------------

  function showLink() {
    const isLost = performance.now() - heardAt > SILENCE_MS;
    const state = isLost ? "lost" : socket && position > 0 ? "live" : "connecting";
    const since = clock.format(heardClock);
    let text = words[state];
    let alarm = "";
    if (isLost) {
      text = words.lost.replace("{time}", since);
      alarm = [text, reason || words.behind].join(" · ");
    } else if (logAwaySince) {
      alarm = words["log-away"].replace("{time}", clock.format(logAwaySince / 1000));
    }
    // Written only when it changes: what is written is read out.
    if (linkText.textContent !== text) linkText.textContent = text;
    if (banner.textContent !== alarm) { banner.textContent = alarm; banner.hidden = !alarm; }
    document.body.dataset.link = state;
    document.body.dataset.epoch = epoch ?? "";
    document.body.dataset.offset = position;
  }

  // --- the picture ----------------------------------------------------------------------------

  const panels = new Map();

  function apply(envelope) {
    if (envelope.kind === "picture") putPicture(envelope.body);
    if (envelope.kind === "panel") putPanel(envelope.body);
  }

  function putPicture(body) {
    hideTip();
    picture.setAttribute("viewBox", `0 0 ${body.canvas.width_px} ${body.canvas.height_px}`);
    document.title = body.title;
    picture.setAttribute("aria-label", body.title);
    panels.clear();
    const places = body.panels.map((id) => {
      const place = document.createElementNS(SVG, "g");
      place.dataset.panel = id;
      place.setAttribute("role", "group");
      panels.set(id, place);
      return place;
    });
    picture.replaceChildren(...places);
  }

  function putPanel({ id, svg }) {
    const place = panels.get(id);
    if (!place) return;
    const parsed = new DOMParser().parseFromString(`<svg xmlns="${SVG}">${svg}</svg>`, "image/svg+xml");
    const group = parsed.documentElement.firstElementChild;
    if (parsed.querySelector("parsererror") || !group) {
      console.error(`panel ${id} cannot be read`);
      return;
    }
    const figures = [...group.querySelectorAll("[data-provenance]")];
    for (const figure of figures) figure.setAttribute("tabindex", "0");
    // Who stands on a number stays on it when it changes.
    const before = [...place.querySelectorAll("[data-provenance]")];
    const focused = before.indexOf(document.activeElement);
    const pointed = before.indexOf(shownFor);
    place.replaceChildren(document.importNode(group, true));
    // The first words of a panel are its title.
    place.setAttribute("aria-label", group.querySelector("[aria-label]")?.getAttribute("aria-label") ?? id);
    const after = [...place.querySelectorAll("[data-provenance]")];
    isRepainting = true;
    if (after[focused]) after[focused].focus({ preventScroll: true });
    isRepainting = false;
    if (pointed >= 0) { if (after[pointed]) showTip(after[pointed]); else hideTip(); }
  }

  // --- where a number comes from --------------------------------------------------------------

  const SHOWN_INPUTS = 8;
  let shownFor = null;
  let isRepainting = false; // focus that a repaint restores opens no tip that was closed
  let names = { indicators: new Map(), areas: new Map(), sources: new Map() };

  async function learnNames() {
    const lists = await Promise.all(Object.keys(names).map(async (kind) => {
      const answer = await fetch(`/api/v1/${kind}`);
      if (!answer.ok) throw new Error(`${kind}: ${answer.status}`);
      return [kind, new Map((await answer.json()).map((entry) => [entry.id, entry]))];
    }));
    names = Object.fromEntries(lists);
  }

  const nameOf = (entry, id) => (entry ? (page.language === "en" && entry.name.en) || entry.name.vi : id);
  const inLanguage = (name) => (page.language === "en" && name.en) || name.vi;

  function valueOf(origin, indicator) {
    if (!indicator) return new Intl.NumberFormat(locale, { maximumFractionDigits: 6 }).format(origin.value);
    const digits = { minimumFractionDigits: indicator.decimals, maximumFractionDigits: indicator.decimals };
    const number = new Intl.NumberFormat(locale, digits).format(origin.value * (indicator.display_scale ?? 1));
    return `${number} ${inLanguage(indicator.unit)}`;
  }

  const element = (tag, text) => {
    const made = document.createElement(tag);
    made.textContent = text;
    return made;
  };

  function describe(origin) {
    const { indicator: indicatorId, area: areaId, scenario = "actual" } = origin.series;
    const indicator = names.indicators.get(indicatorId);
    const list = document.createElement("dl");
    const facts = [
      [words.value, valueOf(origin, indicator)],
      [words.scenario, words[`scenario-${hyphened(scenario)}`] ?? scenario],
      [words.time, moment.format(origin.phenomenon_time / 1000)],
      [words.received, moment.format(origin.received_at / 1000)],
      [words.source, nameOf(names.sources.get(origin.source), origin.source)],
      [words.status, words[`status-${hyphened(origin.status)}`] ?? origin.status],
    ];
    for (const [term, fact] of facts) list.append(element("dt", term), element("dd", fact));
    const title = `${nameOf(indicator, indicatorId)} · ${nameOf(names.areas.get(areaId), areaId)}`;
    return [element("h2", title), list];
  }

  // Of a computed figure the server knows the inputs, as they were when it was computed.
  async function inputsOf(origin) {
    const { indicator, area, scenario = "actual" } = origin.series;
    if (scenario !== "actual" || !names.indicators.get(indicator)?.derive) return [];
    const query = new URLSearchParams({ indicator, area, time: origin.phenomenon_time });
    const answer = await fetch(`/api/v1/provenance?${query}`);
    if (!answer.ok) throw new Error(`provenance: ${answer.status}`);
    const { formula, inputs = [] } = await answer.json();
    const used = inputs.flatMap(({ series, values }) => values.slice(-1).map((value) => ({ ...value, series, phenomenon_time: value.time })));
    if (used.length === 0) return [];
    const list = document.createElement("ul");
    for (const input of used.slice(0, SHOWN_INPUTS)) {
      const known = names.indicators.get(input.series.indicator);
      const name = `${nameOf(known, input.series.indicator)} · ${nameOf(names.areas.get(input.series.area), input.series.area)}`;
      const plan = words[`scenario-${hyphened(input.series.scenario ?? "actual")}`];
      const source = nameOf(names.sources.get(input.source), input.source);
      list.append(element("li", `${name} (${plan}): ${valueOf(input, known)} · ${moment.format(input.time / 1000)} · ${source}`));
    }
    const rest = used.length - SHOWN_INPUTS;
    if (rest > 0) list.append(element("li", words["computed-more"].replace("{count}", rest)));
    return [element("p", formula ? `${words["computed-from"]}: ${formula}` : words["computed-from"]), list];
  }

  function showTip(figure) {
    let provenance;
    try { provenance = JSON.parse(figure.dataset.provenance); } catch { return; }
    const isUnknown = provenance.origins.some((origin) => !names.indicators.has(origin.series.indicator));
    if (isUnknown) {
      learnNames().then(() => { if (shownFor === figure) fillTip(figure, provenance); }, (error) => console.error(error));
    }
    if (shownFor && shownFor !== figure) shownFor.removeAttribute("aria-describedby");
    shownFor = figure;
    figure.setAttribute("aria-describedby", "tip");
    fillTip(figure, provenance);
    const tell = (parts) => { if (shownFor === figure && parts.length > 0) fillTip(figure, provenance, parts); };
    if (provenance.origins.length === 1) inputsOf(provenance.origins[0]).then(tell, (error) => console.error(error));
  }

  function fillTip(figure, provenance, inputs = []) {
    const parts = [...provenance.origins.flatMap(describe), ...inputs];
    if (provenance.formula !== "value") {
      const formula = words[`computed-${provenance.formula.replaceAll("_", "-")}`] ?? provenance.formula;
      parts.unshift(element("p", `${figure.getAttribute("aria-label") ?? ""}: ${formula}`));
    }
    tip.replaceChildren(...parts);
    tip.hidden = false;
    const at = figure.getBoundingClientRect();
    const { width, height } = tip.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.left, innerWidth - width - 8));
    const below = at.bottom + 8;
    const top = below + height + 8 < innerHeight ? below : Math.max(8, at.top - height - 8);
    tip.style.left = `${left}px`;
    tip.style.top = `${top}px`;
  }

  function hideTip() {
    if (shownFor) shownFor.removeAttribute("aria-describedby");
    shownFor = null;
    tip.hidden = true;
  }

  const figureAt = (event) => (event.target instanceof Element ? event.target.closest("[data-provenance]") : null);
  const follow = (event) => { const figure = figureAt(event); if (figure && !isRepainting) showTip(figure); };
  const leave = (event) => { if (figureAt(event) && figureAt(event) !== document.activeElement) hideTip(); };
  picture.addEventListener("pointerover", follow);
  picture.addEventListener("click", follow);
  picture.addEventListener("focusin", follow);
  picture.addEventListener("pointerout", leave);
  picture.addEventListener("focusout", hideTip);
  addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
  addEventListener("resize", hideTip);
  addEventListener("beforeprint", () => { printed.textContent = words.printed.replace("{time}", moment.format(Date.now())); hideTip(); });

  learnNames().catch((error) => console.error(error));
  showLink();
  connect();
})();
