// The charts: options once, then data alone. No animation, no events, a canvas each.

const { init } = await import(new URLSearchParams(location.search).get("echarts"));

const INK = { text: "#e8eef7", text2: "#cfd9e8", text3: "#a9b7cc", hairline: "#1f2c45" };
const LINE = { "": "#6fa8dc", stale: "#6b7a92", behind: "#f2b84b", warning: "#f2b84b", critical: "#f0615f" };
const FILL = { ...LINE, "": "#4c8ac4" };
const STILL = { animation: false, silent: true };
const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);

/** A chart in an element; `drawn` counts how often it was. */
function chart(element, option, drawn) {
  const made = init(element, null, { renderer: "canvas", devicePixelRatio: 1 });
  made.setOption({ ...STILL, ...option });
  made.on("finished", drawn);
  return (series) => made.setOption({ series }, { lazyUpdate: true, silent: true });
}

const points = (buckets) => buckets.map(({ time, last }) => [time / 1000, last]);
const hidden = (type) => ({ type, show: false, scale: true });

/** The course of a figure, with a dot at its end. */
export function sparkline(element, drawn) {
  const px = rem() / 10;
  const line = { type: "line", showSymbol: false, silent: true, animation: false, lineStyle: { width: 4 * px } };
  const dot = { type: "scatter", symbolSize: 14 * px, silent: true, animation: false };
  const grid = { left: 8 * px, right: 8 * px, top: 8 * px, bottom: 8 * px };
  const set = chart(element, { grid, xAxis: hidden("time"), yAxis: hidden("value"), series: [line, dot] }, drawn);
  return (buckets, severity) => {
    const [course, color] = [points(buckets), LINE[severity]];
    set([{ data: course, lineStyle: { color } }, { data: course.slice(-1), itemStyle: { color } }]);
  };
}

/** Names on the left, bars in the middle, figures on the right; `rows` are { name, value, text, severity, threshold }. */
export function bars(element, most, drawn) {
  const px = rem() / 10;
  const font = { fontFamily: "Inter", fontSize: 34 * px };
  const category = (style, position) => ({
    type: "category", inverse: true, position, axisLine: { show: false }, axisTick: { show: false },
    axisLabel: { ...font, ...style, interval: 0, margin: 20 * px },
  });
  const bar = {
    type: "bar", silent: true, animation: false, barWidth: 30 * px, itemStyle: { borderRadius: 6 * px },
    showBackground: most != null, backgroundStyle: { color: INK.hairline, borderRadius: 6 * px },
  };
  const mark = { type: "scatter", symbol: "rect", symbolSize: [4 * px, 48 * px], itemStyle: { color: INK.text }, silent: true, animation: false };
  const option = {
    grid: { left: 0, right: 0, top: 10 * px, bottom: 8 * px, outerBoundsMode: "same" },
    xAxis: { type: "value", show: false, min: 0, max: most },
    yAxis: [category({ color: INK.text2 }, "left"), category({ color: INK.text, fontWeight: 600 }, "right")],
    series: [bar, mark],
  };
  const made = init(element, null, { renderer: "canvas", devicePixelRatio: 1 });
  made.setOption({ ...STILL, ...option });
  made.on("finished", drawn);
  return (rows) => {
    const data = rows.map(({ value, severity }) => ({ value, itemStyle: { color: FILL[severity] } }));
    const thresholds = rows.flatMap(({ threshold }, index) => (threshold == null ? [] : [[threshold, index]]));
    const yAxis = [{ data: rows.map(({ name }) => name) }, { data: rows.map(({ text }) => text) }];
    made.setOption({ yAxis, series: [{ data }, { data: thresholds }] }, { lazyUpdate: true, silent: true });
  };
}

/** A filled line over time and what it is compared with, dashed. */
export function lines(element, drawn) {
  const px = rem() / 10;
  const font = { fontFamily: "Inter", fontSize: 32 * px, color: INK.text3 };
  const line = { type: "line", showSymbol: false, silent: true, animation: false };
  const series = [
    { ...line, color: LINE[""], lineStyle: { width: 5 * px }, areaStyle: { opacity: 0.14 } },
    { ...line, color: INK.text, lineStyle: { width: 4 * px, type: [12 * px, 12 * px] } },
    { type: "scatter", symbolSize: 20 * px, color: LINE[""], silent: true, animation: false },
  ];
  const month = (time) => `T${new Date(time).getMonth() + 1}`;
  const axes = {
    xAxis: {
      type: "time", min: "dataMin", max: "dataMax", minInterval: 59 * 86400e3,
      axisLine: { lineStyle: { color: INK.hairline } }, axisTick: { show: false }, axisLabel: { ...font, formatter: month, hideOverlap: true },
    },
    yAxis: { type: "value", min: 0, splitNumber: 3, splitLine: { lineStyle: { color: INK.hairline } }, axisLabel: { ...font, formatter: (value) => value.toLocaleString("vi-VN") } },
  };
  const grid = { left: 0, right: 24 * px, top: 20 * px, bottom: 0, outerBoundsMode: "same" };
  const set = chart(element, { grid, ...axes, series }, drawn);
  return (measured, expected) => {
    set([{ data: points(measured) }, { data: points(expected) }, { data: points(measured.slice(-1)) }]);
  };
}
