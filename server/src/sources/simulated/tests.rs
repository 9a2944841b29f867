use jiff::civil::date;

use super::*;

const OPTIONS: &str = r#"
seed = 51
interval_secs = 5
history_days = 400

[[series]]
indicator = "budget.revenue"
area = "51"
every = "day"
decimals = 1
shape.cumulative = { plan = 25000.0, pace = 1.05, growth = 0.04 }

[[series]]
indicator = "air.aqi"
areas = { "524" = 1.0, "522" = 0.8 }
every = "live"
decimals = 1
shape.level = { base = 70.0, daily = 15.0, noise = 12.0, min = 5.0, plan = 100.0, same_period = true }
"#;

fn simulated() -> Simulated {
    Simulated::new(toml::from_str(OPTIONS).unwrap(), TimeZone::get("Asia/Ho_Chi_Minh").unwrap())
}

fn at(year: i16, month: i8, day: i8, hour: i8) -> Timestamp {
    let moment = date(year, month, day).at(hour, 0, 0, 0).in_tz("Asia/Ho_Chi_Minh").unwrap();
    Timestamp(moment.timestamp().as_microsecond())
}

/// All stretches from the beginning to `now`.
fn stretches(source: &Simulated, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let mut reached = source.beginning(now);
    let mut stretches = Vec::new();
    while source.stretch_end(reached, now) > reached {
        let end = source.stretch_end(reached, now);
        stretches.push((reached, end));
        reached = end;
    }
    stretches
}

fn history(source: &Simulated, now: Timestamp) -> Vec<ObservationRow> {
    let begun = source.beginning(now);
    stretches(source, now).into_iter().flat_map(|(from, upto)| source.rows(begun, from, upto)).collect()
}

fn values(rows: &[ObservationRow], indicator: &str, scenario: Scenario) -> Vec<(Timestamp, f64)> {
    let of = |row: &&ObservationRow| row.series.indicator.as_str() == indicator && row.series.scenario == scenario;
    rows.iter().filter(of).map(|row| (row.phenomenon_time, row.value)).collect()
}

#[test]
fn the_past_is_whole_and_the_same_each_time() {
    let now = at(2023, 8, 14, 9);
    let rows = history(&simulated(), now);
    assert_eq!(rows, history(&simulated(), now));
    assert!(rows.iter().all(|row| row.status == ObservationStatus::Simulated && row.value.is_finite()));
    assert!(rows.iter().all(|row| row.phenomenon_time <= now));
    let days = values(&rows, "budget.revenue", Scenario::Actual);
    assert_eq!(days.len(), 400, "one for each morning");
    assert_eq!(days.last().unwrap().0, at(2023, 8, 14, 7));
    let mut keys: Vec<_> = rows.iter().map(|row| (&row.series, row.phenomenon_time)).collect();
    let all = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), all, "nothing comes twice");
}

#[test]
fn a_sum_grows_from_new_year_towards_its_plan() {
    let rows = history(&simulated(), at(2023, 12, 31, 9));
    let actual = values(&rows, "budget.revenue", Scenario::Actual);
    let of_2023: Vec<f64> =
        actual.iter().filter(|(time, _)| *time >= at(2023, 1, 1, 0)).map(|(_, value)| *value).collect();
    assert_eq!(of_2023[0], 0.0);
    assert!(of_2023.is_sorted());
    let end = *of_2023.last().unwrap();
    assert!((25_000.0..=26_251.0).contains(&end), "{end} after a whole year");
    let plans = values(&rows, "budget.revenue", Scenario::Plan);
    assert_eq!(plans, [(at(2022, 1, 1, 0), 25_000.0), (at(2023, 1, 1, 0), 25_000.0)]);
    let expected = values(&rows, "budget.revenue", Scenario::Expected);
    assert!((expected.last().unwrap().1 - 25_000.0 * 364.0 / 365.0).abs() < 0.1);
    let before = values(&rows, "budget.revenue", Scenario::SamePeriod);
    assert!((before.last().unwrap().1 / end - 1.0 / 1.04).abs() < 0.01);
}

#[test]
fn live_figures_move_every_few_seconds() {
    let source = simulated();
    let from = at(2023, 8, 14, 9);
    let rows = source.rows(source.beginning(from), from, from.plus_micros(20 * 1_000_000));
    let live = values(&rows, "air.aqi", Scenario::Actual);
    assert_eq!(live.len(), 8, "four moments in two areas");
    let moved = rows.iter().filter(|row| row.series.area.as_str() == "524" && row.series.scenario == Scenario::Actual);
    let mut moved: Vec<f64> = moved.map(|row| row.value).collect();
    moved.dedup();
    assert!(moved.len() >= 2, "{moved:?}");
}

#[test]
fn stretches_join_and_are_the_same_on_every_server() {
    let source = simulated();
    let (now, later) = (at(2023, 8, 14, 9), at(2023, 8, 14, 15));
    let first = stretches(&source, now);
    assert!(first.windows(2).all(|pair| pair[0].1 == pair[1].0));
    assert_eq!(first.last().unwrap().1, now);
    // What another server delivers later has the same keys, but for the last hours.
    let second = stretches(&source, later);
    let shared = first.iter().filter(|stretch| second.contains(stretch)).count();
    assert!(shared + 2 >= first.len(), "{shared} of {}", first.len());
}
