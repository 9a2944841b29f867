// How figures stand and how they are said.

import { keyOf } from "./view.js";

const formats = Array.from({ length: 5 }, (_, decimals) =>
  new Intl.NumberFormat("vi-VN", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }));
const timeZone = "Asia/Ho_Chi_Minh";
const clock = new Intl.DateTimeFormat("vi-VN", { hour: "2-digit", minute: "2-digit", timeZone });
const date = new Intl.DateTimeFormat("vi-VN", { day: "numeric", month: "numeric", timeZone });
const PERIOD_DAYS = { continuous: 1, hour: 1, day: 1, week: 7, month: 31, quarter: 92, year: 366 };

export const shown = (value, indicator) => formats[indicator.decimals].format(value * (indicator.display_scale ?? 1));
export const percent = (value) => `${formats[1].format(value)} %`;
export const signed = (value, unit) => `${value < 0 ? "▼" : "▲"} ${formats[1].format(Math.abs(value))}${unit}`;
export const timeOf = (micros) => `${clock.format(micros / 1000)} ${date.format(micros / 1000)}`;
export const dayOf = (micros) => date.format(micros / 1000);

/** The figures of an indicator in an area that may stand beside one another, and how they stand. */
export function factsOf(view, indicator, area, now) {
  const of = (scenario) => ({ indicator: indicator.id, area, scenario });
  const actual = view.latest.get(keyOf(of("actual")));
  if (!actual) return null;
  const beside = (scenario) => compared(view, indicator, of(scenario), actual.phenomenon_time);
  const facts = { indicator, actual, plan: beside("plan"), expected: beside("expected"), before: beside("same_period") };
  return { ...facts, severity: severityOf(facts, now) };
}

function compared(view, indicator, series, at) {
  const days = series.scenario === "plan" ? 366 : PERIOD_DAYS[indicator.period];
  const isBeside = (time) => time <= at && time > at - days * 86400e6;
  const latest = view.latest.get(keyOf(series));
  if (latest && isBeside(latest.phenomenon_time)) return latest.value;
  const windows = view.windowsOf.get(keyOf(series)) ?? [];
  return windows.flatMap(({ buckets }) => buckets.findLast(({ time }) => isBeside(time)) ?? [])[0]?.last;
}

export function isBeyond({ better }, value, threshold) {
  if (threshold == null || better === "neither") return false;
  return better === "higher" ? value <= threshold : value >= threshold;
}

export function severityOf({ indicator, actual, expected }, now) {
  const age = (now - actual.phenomenon_time) / 1e6;
  if (age > indicator.expected_interval_secs + indicator.grace_secs) return "stale";
  if (isBeyond(indicator, actual.value, indicator.critical)) return "critical";
  if (isBeyond(indicator, actual.value, indicator.warning)) return "warning";
  return indicator.better === "higher" && expected > 0 && actual.value < expected * 0.9 ? "behind" : "";
}

export const colourClass = (severity) => (severity === "behind" ? "warning" : severity);
