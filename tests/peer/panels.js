// The kinds of panels of the demo's overview. Each gives its series and how it is set; text that did not change is
// left alone.

import { bars, lines, sparkline } from "./charts.js";
import { colourClass, dayOf, factsOf, isBeyond, percent, severityOf, shown, signed, timeOf } from "./facts.js";
import { keyOf } from "./view.js";

const name = (text) => text.vi;
const WORDS = { stale: "quá hạn", behind: "chậm kế hoạch", warning: "cần chú ý", critical: "nguy cấp" };
const SPARK_SECS = { continuous: 86400, hour: 259200, day: 5184000, week: 31536000, month: 63072000 };
const RANK = ["", "stale", "behind", "warning", "critical"];

function put(parent, tag, className, text = "") {
  const element = parent.appendChild(document.createElement(tag));
  element.className = className;
  element.textContent = text;
  return element;
}
const say = (element, text) => element.textContent === text || (element.textContent = text);
const style = (element, className) => element.className === className || (element.className = className);

function frame(tile, title) {
  const head = put(tile, "div", "row");
  put(head, "span", "title", title);
  return put(head, "span", "pill");
}
function footer(tile) {
  const row = put(tile, "div", "row caption");
  return [put(row, "span", ""), put(row, "span", "")];
}
function attend(tile, pill, severity) {
  style(tile, severity && severity !== "stale" ? "tile plate attention" : "tile plate");
  style(pill, `pill ${colourClass(severity)}`);
  say(pill, severity ? WORDS[severity] : "");
}
const sourceOf = (view, source) => `▨ ${name(view.arranged.catalogue.sources[source]?.name ?? { vi: source })} · minh họa`;

function value(tile, options, view, drawn) {
  const indicator = view.arranged.catalogue.indicators[options.indicator];
  const pill = frame(tile, name(options.title ?? indicator.name));
  const numeral = put(tile, "div", "row");
  const words = put(numeral, "div", "words");
  const figure = put(words, "span", "figure");
  put(words, "span", "unit", name(indicator.unit));
  const move = put(tile, "div", "body");
  const [moved] = [put(move, "b", ""), put(move, "span", "", " so cùng kỳ")];
  const isShare = indicator.cumulative;
  const track = isShare && put(tile, "div", "track");
  const [reached, mark] = isShare ? [put(track, "div", "reached"), put(track, "div", "expected")] : [];
  const plan = put(tile, "div", "body");
  put(plan, "span", "", isShare ? "kế hoạch năm " : "chỉ tiêu ");
  const planned = put(plan, "b", "");
  put(tile, "div", "fill");
  const foot = footer(tile);
  const spark = isShare ? null : sparkline(put(numeral, "div", "spark"), drawn);
  const window = view.window({ indicator: indicator.id, area: options.area }, SPARK_SECS[indicator.period]);
  const set = (now) => {
    const facts = factsOf(view, indicator, options.area, now);
    if (!facts) return;
    attend(tile, pill, facts.severity);
    say(figure, shown(facts.actual.value, indicator));
    change(move, moved, facts);
    plan.hidden = facts.plan == null;
    if (isShare) share(reached, mark, planned, facts);
    else if (facts.plan != null) say(planned, `${shown(facts.plan, indicator)} ${name(indicator.unit)}`);
    say(foot[0], sourceOf(view, facts.actual.source));
    say(foot[1], timeOf(facts.actual.phenomenon_time));
    spark?.(window.buckets, facts.severity);
  };
  const series = ["actual", "plan", "expected", "same_period"].map((scenario) => ({ ...options, scenario }));
  return { series, set };
}

function change(row, moved, { indicator, actual, before }) {
  row.hidden = before == null;
  if (before == null) return;
  const isPoints = name(indicator.unit).startsWith("%");
  const by = isPoints ? actual.value - before : (actual.value / before - 1) * 100;
  const isGood = by === 0 || indicator.better === "neither" ? "" : by > 0 === (indicator.better === "higher") ? "good" : "bad";
  style(moved, isGood);
  say(moved, signed(by, isPoints ? " điểm %" : " %"));
}

function share(reached, mark, planned, { actual, plan, expected, severity }) {
  const of = (part) => Math.min(100, (part / plan) * 100);
  reached.style.width = `${of(actual.value)}%`;
  style(reached, `reached ${colourClass(severity)}`);
  mark.hidden = expected == null;
  mark.style.left = `${of(expected ?? 0)}%`;
  say(planned, `${percent((actual.value / plan) * 100)} · mốc hôm nay ${percent(((expected ?? 0) / plan) * 100)}`);
}

function barsPanel(tile, options, view, drawn) {
  const { catalogue, series: sent } = view.arranged;
  const isByArea = options.by === "area";
  const compared = isByArea
    ? sent.filter(({ indicator, area }) => indicator === options.indicator && area !== options.area)
    : options.series;
  const pill = frame(tile, name(options.title));
  const [room, foot] = [put(tile, "div", "fill"), footer(tile)];
  const set = bars(room, isByArea ? 100 : undefined, drawn);
  const row = (now) => (series) => {
    const [indicator, actual] = [catalogue.indicators[series.indicator], view.latest.get(keyOf(series))];
    const severity = severityOf({ indicator, actual }, now);
    const label = series.label ?? catalogue.areas[series.area].name;
    const text = shown(actual.value, indicator);
    return { name: name(label), value: actual.value, text, severity, threshold: indicator.warning, actual };
  };
  const show = (now) => {
    const rows = compared.filter((series) => view.latest.has(keyOf(series))).map(row(now));
    if (isByArea) rows.sort((a, b) => b.value - a.value);
    const worst = rows.reduce((worst, { severity }) => Math.max(worst, RANK.indexOf(severity)), 0);
    attend(tile, pill, RANK[worst]);
    set(rows);
    say(foot[0], sourceOf(view, rows[0].actual.source));
    say(foot[1], timeOf(Math.max(...rows.map(({ actual }) => actual.phenomenon_time))));
  };
  return { series: compared, set: show };
}

function seriesPanel(tile, options, view, drawn) {
  const indicator = view.arranged.catalogue.indicators[options.indicator];
  const scenarios = options.scenarios.map((scenario) => ({ indicator: indicator.id, area: options.area, scenario }));
  const pill = frame(tile, name(options.title));
  const legend = put(tile, "div", "body");
  put(legend, "span", "", "━● thực hiện ");
  const measured = put(legend, "b", "");
  put(legend, "span", "", "   ╍╍ đường kế hoạch ");
  const expected = put(legend, "b", "");
  const [room, foot] = [put(tile, "div", "fill"), footer(tile)];
  const draw = lines(room, drawn);
  const windows = scenarios.map((series) => view.window(series, options.secs));
  const set = (now) => {
    const facts = factsOf(view, indicator, options.area, now);
    attend(tile, pill, facts.severity === "behind" ? "" : facts.severity);
    say(measured, shown(facts.actual.value, indicator));
    say(expected, facts.expected == null ? "–" : shown(facts.expected, indicator));
    draw(...windows.map(({ buckets }) => buckets));
    say(foot[0], sourceOf(view, facts.actual.source));
    say(foot[1], timeOf(facts.actual.phenomenon_time));
  };
  return { series: scenarios, set };
}

function exceptions(tile, options, view) {
  const { indicators, agencies } = view.arranged.catalogue;
  const pill = frame(tile, name(options.title));
  const rows = Array.from({ length: options.most }, () => {
    const row = put(tile, "div", "exception");
    const [above, below] = [put(row, "div", "row"), put(row, "div", "row")];
    const left = put(below, "span", "");
    return {
      row, name: put(above, "span", "name"), figure: put(above, "b", "why"),
      why: put(left, "span", "why"), who: put(left, "span", "who"), since: put(below, "span", "who"),
    };
  });
  const more = put(tile, "div", "caption");
  const foot = footer(tile);
  const set = (now) => {
    const all = options.indicators.map((id) => factsOf(view, indicators[id], options.area, now)).filter((facts) => facts?.severity);
    const found = all.map((facts) => ({ ...facts, since: sinceOf(view, facts) }));
    const weight = ({ severity, actual, expected, since }) => (severity === "behind" ? 1 - actual.value / expected : (since ?? 0));
    found.sort((a, b) => RANK.indexOf(b.severity) - RANK.indexOf(a.severity) || weight(b) - weight(a));
    attend(tile, pill, "");
    style(tile, found.length ? "tile plate attention" : "tile plate");
    rows.forEach((row, index) => setException(row, found[index], agencies));
    const hidden = found.length - rows.length;
    say(more, hidden > 0 ? `còn ${hidden} dòng khác` : "");
    say(foot[0], `▨ ${new Set(found.map(({ actual }) => actual.source)).size} nguồn · minh họa`);
    say(foot[1], found[0] ? timeOf(found[0].actual.phenomenon_time) : "");
  };
  const series = options.indicators.flatMap((indicator) =>
    ["actual", "expected"].map((scenario) => ({ indicator, area: options.area, scenario })));
  return { series, set };
}

// When the figure went beyond its threshold, as far as its course is known.
function sinceOf(view, { indicator, actual, severity }) {
  const window = view.window(actual.series, SPARK_SECS[indicator.period]);
  if (!window || !indicator[severity]) return undefined;
  const { buckets } = window;
  const last = buckets.findLastIndex(({ last }) => !isBeyond(indicator, last, indicator[severity]));
  return buckets[Math.min(last + 1, buckets.length - 1)]?.time;
}

function setException(row, facts, agencies) {
  row.row.hidden = !facts;
  if (!facts) return;
  const { indicator, actual, expected, severity, since } = facts;
  const agency = agencies[indicator.owner];
  const side = indicator.better === "higher" ? "dưới" : "vượt";
  say(row.name, name(indicator.name));
  say(row.figure, `${shown(actual.value, indicator)} ${name(indicator.unit)}`);
  const behind = () => `chậm kế hoạch: ${percent((actual.value / expected) * 100)} so với đường kế hoạch`;
  const why = { stale: () => "số liệu đã quá hạn cập nhật", behind };
  say(row.why, (why[severity] ?? (() => `${side} ngưỡng ${shown(indicator[severity], indicator)}`))());
  say(row.who, ` · ${name(agency?.short ?? agency?.name ?? { vi: indicator.owner })}`);
  say(row.since, since ? `từ ${dayOf(since)}` : "");
}

function text(tile, options) {
  put(tile, "p", "text", name(options.body));
  return { series: [], set() {} };
}

function header(tile, options, view) {
  const { catalogue, layout } = view.arranged;
  tile.className = "tile header";
  const names = put(tile, "div", "fill");
  put(names, "div", "organisation", `${name(catalogue.organisation)} · ${name(catalogue.centre)}`);
  put(names, "div", "heading", name(options.title ?? layout.name));
  put(tile, "div", "state", "● TRỰC TIẾP");
  const time = put(tile, "div", "");
  const [clock, date] = [put(time, "div", "clock"), put(time, "div", "date")];
  const timeZone = "Asia/Ho_Chi_Minh";
  const clockFormat = new Intl.DateTimeFormat("vi-VN", { timeStyle: "medium", timeZone });
  const dateFormat = new Intl.DateTimeFormat("vi-VN", { weekday: "long", day: "2-digit", month: "2-digit", year: "numeric", timeZone });
  const set = () => {
    say(clock, clockFormat.format());
    say(date, dateFormat.format());
  };
  return { series: [], set, ticks: true };
}

export const KINDS = { value, bars: barsPanel, series: seriesPanel, exceptions, text, header };
