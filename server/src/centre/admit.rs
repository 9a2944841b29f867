//! Whether a number may come in.

use protocol::event::ObservationRow;
use protocol::observation::Plausible;
use protocol::{Catalogue, Scenario, SeriesKey, Timestamp};

use super::plausible;

/// How far ahead of our clock a measured value may be: clocks of loggers are not ours.
pub const FUTURE_TOLERANCE_MICROS: i64 = 300 * 1_000_000;
/// How far ahead a plan may lie.
const PLAN_HORIZON_MICROS: i64 = 20 * 366 * 86_400 * 1_000_000;

/// Checks a row against the catalogue and the clock.
///
/// # Errors
/// What is wrong with it and what would be right.
pub fn check(catalogue: &Catalogue, row: &ObservationRow, now: Timestamp) -> Result<(), String> {
    check_names(catalogue, &row.series)?;
    check_number(row.series.scenario, row.phenomenon_time, row.value, now)?;
    range_of(catalogue, &row.series).map_or(Ok(()), |range| plausible::check_range(&range, row.value))
}

/// What is plausible of a series, where that is configured.
#[must_use]
pub fn range_of(catalogue: &Catalogue, series: &SeriesKey) -> Option<Plausible> {
    let measured = Some(series).filter(|series| series.scenario == Scenario::Actual)?;
    catalogue.indicators.get(&measured.indicator)?.plausible
}

/// Checks that the catalogue has the names of a series.
///
/// # Errors
/// Which it has not, and which is near.
pub fn check_names(catalogue: &Catalogue, series: &SeriesKey) -> Result<(), String> {
    let Some(indicator) = catalogue.indicators.get(&series.indicator) else {
        let known = catalogue.indicators.keys().map(protocol::IndicatorId::as_str);
        return Err(unknown("indicator", series.indicator.as_str(), known));
    };
    if !catalogue.areas.contains_key(&series.area) {
        return Err(unknown("area", series.area.as_str(), catalogue.areas.keys().map(protocol::AreaId::as_str)));
    }
    let derivation = indicator.derive.as_ref().filter(|_| series.scenario == Scenario::Actual);
    if derivation.is_some_and(|derivation| derivation.computes(&series.indicator, &series.area, catalogue)) {
        let SeriesKey { indicator, area, .. } = series;
        return Err(format!("'{indicator}' of '{area}' is computed here from other indicators; deliver those"));
    }
    Ok(())
}

/// Checks the time and the value of a row whose names are known.
///
/// # Errors
/// What is wrong with it and what would be right.
pub fn check_number(scenario: Scenario, time: Timestamp, value: f64, now: Timestamp) -> Result<(), String> {
    if !value.is_finite() {
        return Err(format!("the value must be a finite number, not {value}"));
    }
    let ahead = time.since(now);
    let tolerance = match scenario {
        Scenario::Plan | Scenario::Expected => PLAN_HORIZON_MICROS,
        Scenario::Actual | Scenario::SamePeriod => FUTURE_TOLERANCE_MICROS,
    };
    if ahead > tolerance {
        let (ahead_secs, most) = (ahead / 1_000_000, tolerance / 1_000_000);
        return Err(format!(
            "the time lies {ahead_secs} s in the future; at most {most} s ahead of this server's clock is taken (check the sender's clock and time zone)"
        ));
    }
    if time < Timestamp::from_secs(-2_208_988_800) {
        return Err("the time lies before the year 1900; give microseconds of Unix time or RFC 3339".into());
    }
    Ok(())
}

pub(super) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let shown: String = name.chars().take(80).collect();
    match panels::nearest(&shown, known) {
        Some(nearest) => format!("unknown {what} '{shown}'; did you mean '{nearest}'?"),
        None => {
            let list = what.strip_suffix('y').map_or_else(|| format!("{what}s"), |stem| format!("{stem}ies"));
            format!("unknown {what} '{shown}'; see /api/v1/{list} for those that are configured")
        }
    }
}
