//! The source that computes, over a log and a history of its own.

use std::sync::Arc;

use jiff::tz::TimeZone;
use protocol::event::ObservationRow;
use protocol::{Catalogue, Indicator, ObservationStatus, SeriesKey, SourceId, Timestamp};
use tokio::task::JoinHandle;

use super::super::tests::{self, Running, until};
use super::*;

/// Budget revenue less expenditure, and what is a share of that.
fn with_rules(formula: &str) -> Catalogue {
    let mut catalogue = tests::catalogue();
    for (id, derive) in [
        (
            "balance",
            format!(
                "{{ formula = '{formula}', inputs = {{ a = {{ indicator = 'budget.revenue' }}, b = {{ indicator = 'budget.expenditure', optional = true }} }} }}"
            ),
        ),
        ("twice", "{ formula = '2 * a', inputs = { a = { indicator = 'balance' } } }".to_owned()),
    ] {
        let text = format!(
            "id = '{id}'\nname = {{ vi = '' }}\nunit = {{ vi = '' }}\nperiod = 'day'\nowner = 'a'\nexpected_interval_secs = 86400\nderive = {derive}"
        );
        catalogue.indicators.insert(id.into(), Arc::new(toml::from_str::<Indicator>(&text).unwrap()));
    }
    catalogue
}

const DIFFERENCE: &str = "a - (b == null ? 0 : b)";

fn begin(running: &Running) -> JoinHandle<Result<(), SourceError>> {
    let link = running.link.clone();
    let source = Derived { zone: TimeZone::UTC, back_days: None };
    tokio::spawn(async move { source.follow(link).await })
}

/// What another source brings in.
async fn bring(running: &Running, rows: &[(&str, i64, f64)]) {
    let other = Link { source: SourceId::from("other"), ..running.link.clone() };
    let now = running.link.now();
    let row = |(indicator, back_secs, value): &(&str, i64, f64)| ObservationRow {
        series: SeriesKey::actual(&(*indicator).into(), &"51".into()),
        value: *value,
        phenomenon_time: Timestamp(now.as_micros() / 3_600_000_000 * 3_600_000_000 - back_secs * 1_000_000),
        status: ObservationStatus::Automatic,
    };
    other.record(rows.iter().map(row), None).await.unwrap();
}

async fn until_known(running: &Running, indicator: &str, expected: &[f64]) {
    for _ in 0..2_000 {
        if running.known(indicator).await == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(running.known(indicator).await, expected, "{indicator}");
}

#[tokio::test]
async fn what_is_computed_is_recorded_once_also_over_restarts() {
    let running = Running::start();
    running.catalogue.send_replace(Arc::new(with_rules(DIFFERENCE)));
    // What was there before is computed first, then what comes.
    bring(&running, &[("budget.revenue", 7200, 10.0)]).await;
    let following = begin(&running);
    until_known(&running, "balance", &[10.0]).await;
    bring(&running, &[("budget.revenue", 3600, 20.0)]).await;
    until_known(&running, "twice", &[20.0, 40.0]).await;
    assert_eq!(running.accepted(), 4);
    running.end(following).await;
    // While it did not run, and again after that.
    running.stop.send_replace(false);
    bring(&running, &[("budget.revenue", 0, 30.0)]).await;
    let following = begin(&running);
    until_known(&running, "twice", &[20.0, 40.0, 60.0]).await;
    assert_eq!(running.accepted(), 6);
    running.end(following).await;
}

#[tokio::test]
async fn another_rule_computes_anew_what_was_computed() {
    let running = Running::start();
    running.catalogue.send_replace(Arc::new(with_rules(DIFFERENCE)));
    let following = begin(&running);
    bring(&running, &[("budget.revenue", 7200, 10.0), ("budget.revenue", 3600, 20.0)]).await;
    until_known(&running, "twice", &[20.0, 40.0]).await;
    let before = running.link.now();
    running.catalogue.send_replace(Arc::new(with_rules("a + 1 + (b == null ? 0 : b)")));
    until_known(&running, "twice", &[22.0, 42.0]).await;
    // What was known before is still known to have been.
    let series = SeriesKey::actual(&"twice".into(), &"51".into());
    let all = (Timestamp(i64::MIN), Timestamp(i64::MAX));
    let was = running.link.store.history(&series, all.0, all.1, Some(before), 9).await.unwrap();
    assert_eq!(was.iter().map(|row| row.observation.value).collect::<Vec<_>>(), [20.0, 40.0]);
    running.end(following).await;
}

#[tokio::test]
async fn why_there_is_no_value_is_told_once() {
    let running = Running::start();
    running.catalogue.send_replace(Arc::new(with_rules("1 / (a - 10) + (b == null ? 0 : b)")));
    let following = begin(&running);
    bring(&running, &[("budget.revenue", 7200, 10.0), ("budget.revenue", 3600, 10.0)]).await;
    until(|| !running.problems().is_empty()).await;
    bring(&running, &[("budget.revenue", 0, 12.0)]).await;
    until_known(&running, "balance", &[0.5]).await;
    assert_eq!(running.problems(), ["balance in 51: it divides by zero"]);
    running.end(following).await;
}
