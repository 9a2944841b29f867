//! What is computed of what, as an administrator would write it.

use std::sync::Arc;

use jiff::tz::TimeZone;
use protocol::event::{ObservationRow, Row};
use protocol::{Catalogue, Indicator, ObservationStatus, Scenario, SeriesKey, Timestamp};

use super::memory::{Memory, Point};
use super::{Plan, Touched};

/// Areas as `id parent from to`, `-` for none.
const AREAS: &str = "
51 - - -
522 51 - 2025-07-01
524 51 - 2025-07-01
20001 522 - 2025-07-01
20002 522 - 2025-07-01
21001 51 2025-07-01 -
21002 51 2025-07-01 -
21003 51 2025-07-01 -";

fn catalogue(indicators: &str) -> Catalogue {
    let mut catalogue = Catalogue::default();
    for line in AREAS.lines().filter(|line| !line.is_empty()) {
        let parts: Vec<Option<&str>> = line.split(' ').map(|part| (part != "-").then_some(part)).collect();
        let id: protocol::AreaId = parts[0].unwrap().into();
        let area = protocol::Area {
            id: id.clone(),
            name: Default::default(),
            parent: parts[1].map(Into::into),
            valid_from: parts[2].map(str::to_owned),
            valid_to: parts[3].map(str::to_owned),
        };
        catalogue.areas.insert(id, Arc::new(area));
    }
    let table: toml::Table = toml::from_str(indicators).unwrap();
    for (id, value) in table {
        let mut value = value.as_table().unwrap().clone();
        let mut or = |key: &str, usual: toml::Value| {
            value.entry(key).or_insert(usual);
        };
        or("id", id.clone().into());
        or("name", toml::Table::from_iter([("vi".to_owned(), id.clone().into())]).into());
        or("unit", toml::Table::from_iter([("vi".to_owned(), "".into())]).into());
        or("owner", "a".into());
        or("period", "day".into());
        or("expected_interval_secs", 86_400.into());
        let indicator: Indicator = toml::Value::Table(value).try_into().unwrap();
        catalogue.indicators.insert(indicator.id.clone(), Arc::new(indicator));
    }
    catalogue
}

fn plan(indicators: &str) -> Plan {
    let zone = TimeZone::fixed(jiff::tz::offset(7));
    let (plan, findings) = Plan::new(Arc::new(catalogue(indicators)), zone);
    assert_eq!(findings, [], "{indicators}");
    plan
}

fn time(text: &str) -> Timestamp {
    let moment: jiff::Timestamp = text.parse().unwrap();
    Timestamp(moment.as_microsecond())
}

/// `indicator area [scenario] time value [status]`.
fn row(line: &str) -> ObservationRow {
    let parts: Vec<&str> = line.split_whitespace().collect();
    let named = |text: &str| serde_json::from_value::<ObservationStatus>(text.into());
    let (scenario, rest) = match serde_json::from_value::<Scenario>(parts[2].into()) {
        Ok(scenario) => (scenario, &parts[3..]),
        Err(_) => (Scenario::Actual, &parts[2..]),
    };
    let status = rest.get(2).map_or(ObservationStatus::Automatic, |text| named(text).unwrap());
    let series = SeriesKey { indicator: parts[0].into(), area: parts[1].into(), scenario };
    ObservationRow { series, phenomenon_time: time(rest[0]), value: rest[1].parse().unwrap(), status }
}

/// A centre that computes what comes in, with the history behind it.
struct Computing {
    plan: Plan,
    memory: Memory,
    /// All that was recorded, the newest of a time last.
    history: Vec<ObservationRow>,
    now: Timestamp,
    problems: Vec<String>,
    later: Vec<(Timestamp, Touched)>,
}

impl Computing {
    fn new(indicators: &str) -> Self {
        Self {
            plan: plan(indicators),
            memory: Memory::default(),
            history: Vec::new(),
            now: time("2030-01-01T00:00:00Z"),
            problems: Vec::new(),
            later: Vec::new(),
        }
    }

    /// What the rows lead to, and what that leads to in turn: `indicator area time value status`.
    fn take(&mut self, lines: &str) -> Vec<String> {
        let rows: Vec<_> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(row).collect();
        let mut said = Vec::new();
        let mut next = self.compute(rows);
        while !next.is_empty() {
            said.extend(next.iter().map(say));
            next = self.compute(next);
        }
        said
    }

    fn compute(&mut self, rows: Vec<ObservationRow>) -> Vec<ObservationRow> {
        let mut touched = Vec::new();
        for row in rows {
            let ObservationRow { series, value, phenomenon_time, status } = &row;
            let row_of = Row { place: 0, series, status: *status, phenomenon_time: *phenomenon_time, value: *value };
            self.memory.take(&row_of);
            touched.extend(self.plan.touched_by(&row_of));
            self.history.push(row);
        }
        self.compute_touched(&Touched::merged(touched))
    }

    fn compute_touched(&mut self, touched: &[Touched]) -> Vec<ObservationRow> {
        for (series, from, kept) in touched.iter().flat_map(|touched| self.plan.needed(touched)) {
            let Some(lacking) = self.memory.lacking(&series, from) else { continue };
            let mut read: Vec<Point> = Vec::new();
            for row in self.history.iter().filter(|row| row.series == series && row.phenomenon_time >= lacking.from) {
                read.retain(|point| point.time != row.phenomenon_time);
                read.push(Point { time: row.phenomenon_time, value: row.value, status: row.status });
            }
            read.sort_by_key(|point| point.time);
            self.memory.fill(lacking, read, kept);
        }
        let computed = self.plan.compute(touched, &self.memory, self.now, || false);
        self.problems.extend(computed.problems.into_iter().map(|(place, reason)| format!("{place}: {reason}")));
        self.later.extend(computed.later);
        computed.rows
    }
}

fn say(row: &ObservationRow) -> String {
    let ObservationRow { series, value, phenomenon_time, status } = row;
    let at = jiff::Timestamp::from_microsecond(phenomenon_time.as_micros()).unwrap();
    let status = serde_json::to_value(status).unwrap();
    format!("{} {} {at} {value} {}", series.indicator, series.area, status.as_str().unwrap())
}

const SHARE: &str = "
[done]
[share]
derive = { formula = '100 * done / plan', inputs = { done = { indicator = 'done' }, plan = { indicator = 'done', scenario = 'plan' } } }
[growth]
derive = { formula = 'now - before', inputs = { now = { indicator = 'share' }, before = { indicator = 'share', before = 'month', within_secs = 600000 } } }
";

#[test]
fn a_share_follows_its_inputs_and_their_corrections() {
    let mut computing = Computing::new(SHARE);
    let mut steps = |rows: &str, expected: &[&str]| assert_eq!(computing.take(rows), expected, "{rows}");
    steps("done 51 2023-07-20T00:00:00Z 10", &[]);
    steps("done 51 plan 2023-01-01T00:00:00Z 200 by_hand", &["share 51 2023-07-20T00:00:00Z 5 automatic"]);
    // A month later, with what was a month before.
    steps(
        "done 51 2023-08-21T00:00:00Z 50",
        &["share 51 2023-08-21T00:00:00Z 25 automatic", "growth 51 2023-08-21T00:00:00Z 20 automatic"],
    );
    // The same again changes nothing.
    steps("done 51 2023-08-21T00:00:00Z 50", &[]);
    // A late correction goes through all that follows from it.
    steps(
        "done 51 2023-07-20T00:00:00Z 20 by_hand",
        &["share 51 2023-07-20T00:00:00Z 10 by_hand", "growth 51 2023-08-21T00:00:00Z 15 by_hand"],
    );
    // What turns out to be no measurement takes back what was computed from it.
    steps(
        "done 51 2023-07-20T00:00:00Z 20 fault",
        &["share 51 2023-07-20T00:00:00Z 10 fault", "growth 51 2023-08-21T00:00:00Z 15 fault"],
    );
    // Of another area nothing is known of a plan.
    steps("done 522 2023-08-21T00:00:00Z 50", &[]);
    steps("done 51 plan 2023-01-02T00:00:00Z 0", &["share 51 2023-08-21T00:00:00Z 25 fault"]);
    assert_eq!(computing.problems, ["share in 51: it divides by zero"]);
}

#[test]
fn nothing_is_computed_from_what_is_stale() {
    let mut computing = Computing::new(
        "
        [a]
        [b]
        grace_secs = 3600
        [both]
        derive = { formula = 'a + (b == null ? 0 : b)', inputs = { a = { indicator = 'a' }, b = { indicator = 'b', optional = true } } }
        [need]
        derive = { formula = 'a + b', inputs = { a = { indicator = 'a' }, b = { indicator = 'b' } } }",
    );
    let mut steps = |rows: &str, expected: &[&str]| assert_eq!(computing.take(rows), expected, "{rows}");
    steps(
        "a 51 2023-08-01T00:00:00Z 1
         b 51 2023-08-01T00:00:00Z 2",
        &["both 51 2023-08-01T00:00:00Z 3 automatic", "need 51 2023-08-01T00:00:00Z 3 automatic"],
    );
    // A day and its grace later, to the microsecond, and not later.
    steps(
        "a 51 2023-08-02T01:00:00Z 10",
        &["both 51 2023-08-02T01:00:00Z 12 automatic", "need 51 2023-08-02T01:00:00Z 12 automatic"],
    );
    steps("a 51 2023-08-02T01:00:00.000001Z 20", &["both 51 2023-08-02T01:00:00.000001Z 20 automatic"]);
}

#[test]
fn areas_are_rolled_up_as_they_were_at_the_time() {
    let mut computing = Computing::new(
        "
        [cases]
        derive = { inputs = { below = { indicator = 'cases', below = { fold = 'sum' } } } }
        [people]
        [rate]
        [mean]
        derive = { areas = ['51'], inputs = { rates = { indicator = 'rate', below = { fold = 'mean', weight = 'people', at_least = 0.5 } } } }",
    );
    let mut steps = |rows: &str, expected: &[&str]| assert_eq!(computing.take(rows), expected, "{rows}");
    // Communes, the district, the province: as soon as all are there.
    steps("cases 20001 2023-08-01T00:00:00Z 3", &[]);
    steps("cases 20002 2023-08-01T00:00:00Z 4 by_hand", &["cases 522 2023-08-01T00:00:00Z 7 by_hand"]);
    steps("cases 524 2023-08-01T00:00:00Z 10", &["cases 51 2023-08-01T00:00:00Z 17 by_hand"]);
    // From July 2025 on the province has other parts, and the district none.
    steps(
        "cases 21001 2025-06-30T17:00:00Z 1
         cases 21002 2025-06-30T17:00:00Z 2
         cases 21003 2025-06-30T17:00:00Z 3",
        &["cases 51 2025-06-30T17:00:00Z 6 automatic"],
    );
    steps(
        "cases 20001 2025-06-30T17:00:00Z 100
         cases 20002 2025-06-30T17:00:00Z 100",
        &[],
    );
    // The day before, in Việt Nam, the old ones count.
    steps(
        "cases 21001 2025-06-30T16:59:59Z 1
         cases 21002 2025-06-30T16:59:59Z 1
         cases 21003 2025-06-30T16:59:59Z 1",
        &[],
    );
    // A weighted mean; with part of the areas it is an estimate.
    steps(
        "people 522 2023-08-01T00:00:00Z 30
         people 524 2023-08-01T00:00:00Z 10
         rate 522 2023-08-01T00:00:00Z 4",
        &["mean 51 2023-08-01T00:00:00Z 4 estimated"],
    );
    steps("rate 524 2023-08-01T00:00:00Z 8", &["mean 51 2023-08-01T00:00:00Z 5 automatic"]);
}

#[test]
fn a_stretch_of_time_is_taken_together_where_enough_of_it_is_there() {
    let mut computing = Computing::new(
        "
        [rain]
        period = 'hour'
        expected_interval_secs = 3600
        [day]
        derive = { inputs = { rain = { indicator = 'rain', over = { secs = 14400, fold = 'sum', at_least = 0.75 } } } }
        [head]
        derive = { formula = 'day / people', inputs = { day = { indicator = 'day' }, people = { indicator = 'people', area = '51', within_secs = 31622400 } } }
        [people]
        period = 'year'",
    );
    let mut steps = |rows: &str, expected: &[&str]| assert_eq!(computing.take(rows), expected, "{rows}");
    steps("people 51 2023-01-01T00:00:00Z 2", &[]);
    steps("rain 522 2023-08-01T01:00:00Z 1", &[]);
    steps("rain 522 2023-08-01T02:00:00Z 2", &[]);
    steps(
        "rain 522 2023-08-01T03:00:00Z 4",
        &["day 522 2023-08-01T03:00:00Z 7 automatic", "head 522 2023-08-01T03:00:00Z 3.5 automatic"],
    );
    steps(
        "rain 522 2023-08-01T05:00:00Z 8",
        &["day 522 2023-08-01T05:00:00Z 14 automatic", "head 522 2023-08-01T05:00:00Z 7 automatic"],
    );
    // Late, and counted where it belongs: at its own time there are now enough, and later ones change.
    steps(
        "rain 522 2023-08-01T04:00:00Z 16",
        &[
            "day 522 2023-08-01T04:00:00Z 23 automatic",
            "day 522 2023-08-01T05:00:00Z 30 automatic",
            "head 522 2023-08-01T04:00:00Z 11.5 automatic",
            "head 522 2023-08-01T05:00:00Z 15 automatic",
        ],
    );
}

const AIR: &str = "
[pm]
period = 'continuous'
expected_interval_secs = 1800
[ozone]
period = 'hour'
expected_interval_secs = 3600
[aqi]
period = 'hour'
derive = { method = 'vn_aqi', inputs = { pm25 = { indicator = 'pm', scale = 1000.0 }, o3 = { indicator = 'ozone' } } }
";

#[test]
fn the_air_quality_index_of_an_hour_is_there_when_the_hour_is_over() {
    let mut computing = Computing::new(AIR);
    computing.now = time("2023-08-01T02:20:00Z");
    let mut said = computing.take(
        "pm 522 2023-08-01T00:20:00Z 0.0203
         pm 522 2023-08-01T00:40:00Z 0.0203
         pm 522 2023-08-01T01:00:00Z 0.0203
         pm 522 2023-08-01T01:20:00Z 0.0202
         pm 522 2023-08-01T01:40:00Z 0.0204
         pm 522 2023-08-01T02:20:00Z 0.0203",
    );
    // Both values that an hour should have are there, though not at its end.
    assert_eq!(said, ["aqi 522 2023-08-01T02:00:00Z 41 automatic"]);
    let (due, touched) = computing.later.pop().unwrap();
    assert_eq!(due, time("2023-08-01T03:01:00Z"));
    computing.now = due;
    // One value makes no hour, but two of the last three hours are there.
    let rows = computing.compute_touched(&[touched]);
    assert_eq!(rows.iter().map(say).collect::<Vec<_>>(), ["aqi 522 2023-08-01T03:00:00Z 41 automatic"]);
    computing.compute(rows);
    said = computing.take("pm 522 2023-08-01T02:40:00Z 0.09 calibrating");
    assert_eq!(said, [] as [&str; 0]);
    said = computing.take("pm 522 2023-08-01T02:40:00Z 0.0403");
    assert_eq!(said, ["aqi 522 2023-08-01T03:00:00Z 50 automatic"]);
    // Ozone alone would be worse.
    said = computing.take("ozone 522 2023-08-01T03:00:00Z 250");
    assert_eq!(said, ["aqi 522 2023-08-01T03:00:00Z 125 automatic"]);
    // Without dust there is no index.
    said = computing.take("ozone 524 2023-08-01T03:00:00Z 250");
    assert_eq!(said, [] as [&str; 0]);
}

#[test]
fn the_air_quality_index_of_a_day_is_of_its_hours() {
    let day = AIR.replace("[aqi]\nperiod = 'hour'", "[aqi]\nperiod = 'day'").replace(", scale = 1000.0", "");
    let mut computing = Computing::new(&day.replace("1800", "3600"));
    let hours = |from: &str, count: i64, indicator: &str, value: f64| {
        let from = time(from);
        let line = |hour: i64| {
            let at = jiff::Timestamp::from_microsecond(from.plus_micros(hour * 3_600_000_000).as_micros()).unwrap();
            format!("{indicator} 522 {at} {value}\n")
        };
        (0..count).map(line).collect::<String>()
    };
    // 17 hours of the day, which begins at 17:00 in UTC, are too few, and 18 enough.
    assert_eq!(computing.take(&hours("2023-07-31T18:00:00Z", 17, "pm", 30.0)), [] as [&str; 0]);
    let said = computing.take(&hours("2023-08-01T11:00:00Z", 1, "pm", 30.0));
    assert_eq!(said, ["aqi 522 2023-08-01T16:59:59Z 60 automatic"]);
    // Eight hours of 110 are an index of 75, where one hour of 110 would be one of 34.
    let said = computing.take(&hours("2023-08-01T00:00:00Z", 8, "ozone", 110.0));
    assert_eq!(said.last().unwrap(), "aqi 522 2023-08-01T16:59:59Z 75 automatic");
}

/// What is wrong, with where and why.
const WRONG: &[(&str, &str)] = &[
    (
        "[x]\nderive = { inputs = { a = { indicator = 'y' } } }",
        "x inputs.a: indicator 'y' is not in indicators.toml; did you mean 'x'?",
    ),
    ("[x]\nderive = { inputs = {} }", "x inputs: a formula says how the value follows from the inputs"),
    (
        "[y]\n[x]\nderive = { inputs = { a = { indicator = 'y' }, b = { indicator = 'y' } } }",
        "x inputs: a formula says how",
    ),
    (
        "[y]\n[x]\nderive = { formula = 'a * b', inputs = { a = { indicator = 'y' } } }",
        "x formula: the formula 'a * b': it names 'b', which is no input; did you mean 'a'?",
    ),
    (
        "[y]\n[x]\nderive = { formula = 'a >', inputs = { a = { indicator = 'y' } } }",
        "x formula: the formula 'a >': at character",
    ),
    (
        "[y]\n[x]\nderive = { formula = 'a', method = 'vn_aqi', inputs = { a = { indicator = 'y' } } }",
        "x method: there is a formula and a method",
    ),
    (
        "[y]\n[x]\nderive = { method = 'vn_aqi', inputs = { o3 = { indicator = 'y' } } }",
        "x inputs: VN_AQI needs 'pm10' or 'pm25'",
    ),
    (
        "[y]\n[x]\nderive = { method = 'vn_aqi', inputs = { pm2 = { indicator = 'y' }, pm10 = { indicator = 'y' } } }",
        "x inputs.pm2: 'pm2' is no pollutant of VN_AQI; did you mean 'pm25'?",
    ),
    (
        "[y]\n[x]\nperiod = 'month'\nderive = { method = 'vn_aqi', inputs = { pm10 = { indicator = 'y' } } }",
        "x method: VN_AQI is of an hour or a day",
    ),
    (
        "[y]\n[x]\nderive = { areas = ['52'], inputs = { a = { indicator = 'y' } } }",
        "x areas: area '52' is not in areas.toml; did you mean '51'?",
    ),
    (
        "[y]\n[x]\nderive = { inputs = { a = { indicator = 'y', below = { fold = 'sum', weight = 'y' } } } }",
        "x inputs.a: only a mean is weighted",
    ),
    (
        "[y]\n[x]\nderive = { inputs = { a = { indicator = 'y', below = { fold = 'sum', at_least = 2.0 } } } }",
        "x inputs.a: 'at_least' of 'below' is a share from 0 to 1",
    ),
    (
        "[y]\n[x]\nderive = { inputs = { a = { indicator = 'y', area = '51', below = { fold = 'sum' } } } }",
        "x inputs.a: 'below' takes the areas below",
    ),
    (
        "[y]\n[x]\nderive = { inputs = { a = { indicator = 'y', over = { secs = 0, fold = 'sum' } } } }",
        "x inputs.a: 'secs' of 'over' is between 1 and a year",
    ),
    (
        "[y]\nexpected_interval_secs = 60\n[x]\nderive = { inputs = { a = { indicator = 'y', before = 'year' } } }",
        "x inputs.a: reaching so far back would hold 527",
    ),
    ("[y]\n[x]\nderive = { inputs = { 'a b' = { indicator = 'y' } } }", "x inputs.a b: 'a b' is no name for an input"),
    (
        "[y]\n[x]\nderive = { inputs = { a = { indicator = 'y', scale = 0.0 } } }",
        "x inputs.a: 'scale' is a number other than 0",
    ),
    (
        "[x]\nderive = { inputs = { a = { indicator = 'x' } } }",
        "x inputs: it would be computed from itself: 'x' from 'x'",
    ),
    (
        "[a]\nderive = { inputs = { i = { indicator = 'b' } } }\n[b]\nderive = { inputs = { i = { indicator = 'c', below = { fold = 'sum' } } } }\n[c]\nderive = { inputs = { i = { indicator = 'a' } } }",
        "a inputs: it would be computed from itself: 'a' from 'b' from 'c' from 'a'",
    ),
];

#[test]
fn what_cannot_be_computed_is_told_with_its_place() {
    for (indicators, expected) in WRONG {
        let (_, findings) = Plan::new(Arc::new(catalogue(indicators)), TimeZone::UTC);
        let said: Vec<String> = findings
            .iter()
            .map(|found| format!("{} {}: {}", found.indicator, found.path.join("."), found.message))
            .collect();
        assert!(said.iter().any(|said| said.starts_with(expected)), "{indicators}: {said:?}, not {expected}");
    }
}
