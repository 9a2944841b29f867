//! How made-up figures run: pure functions of seed and time.

use std::f64::consts::TAU;

use jiff::civil::{Date, Weekday, date};
use jiff::tz::TimeZone;
use protocol::{Scenario, SeriesKey, Timestamp};

use super::moments::local_date;
use super::options::{Cumulative, Level, Shape};

const HOUR_MICROS: f64 = 3_600.0 * 1e6;
const DAY_HOURS: f64 = 24.0;
const YEAR_DAYS: f64 = 365.25;
/// What is done on a day without work, against a working day.
const DAY_OFF: f64 = 0.08;

/// The course of one series.
#[derive(Debug)]
pub struct Curve {
    seed: u64,
    shape: Shape,
    factor: f64,
    /// 10 to the power of the digits that are kept.
    digits: f64,
    zone: TimeZone,
}

impl Curve {
    pub fn new(seed: u64, series: &SeriesKey, shape: Shape, factor: f64, decimals: u8, zone: TimeZone) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_be_bytes()).update(series.indicator.as_str().as_bytes());
        hasher.update(b"\0").update(series.area.as_str().as_bytes());
        let mut own = [0; 8];
        hasher.finalize_xof().fill(&mut own);
        Self { seed: u64::from_be_bytes(own), shape, factor, digits: 10_f64.powi(i32::from(decimals)), zone }
    }

    /// All figures that come at `moment`: the actual one and those that stand beside it.
    pub fn figures(&self, moment: Timestamp) -> Vec<(Scenario, f64)> {
        let Some(today) = local_date(moment, &self.zone) else { return Vec::new() };
        let mut figures = match &self.shape {
            Shape::Cumulative(sum) => vec![
                (Scenario::Actual, self.factor * self.summed(sum, today, 0)),
                (Scenario::Expected, sum.plan * elapsed(today)),
                (Scenario::SamePeriod, self.factor * self.summed(sum, today, 1) / (1.0 + sum.growth)),
            ],
            Shape::Level(level) => {
                let mut figures = vec![(Scenario::Actual, self.level(level, moment, 0.0))];
                if level.same_period {
                    figures.push((Scenario::SamePeriod, self.level(level, moment, 1.0)));
                }
                figures
            }
        };
        figures.retain(|(_, value)| value.is_finite());
        for (_, value) in &mut figures {
            *value = (*value * self.digits).round() / self.digits;
        }
        figures
    }

    /// What is planned for each year.
    pub fn plan(&self) -> Option<f64> {
        match &self.shape {
            Shape::Cumulative(sum) => Some(sum.plan),
            Shape::Level(level) => level.plan,
        }
    }

    /// What is there on the morning of `today`, `years` before it.
    fn summed(&self, sum: &Cumulative, today: Date, years: i16) -> f64 {
        let year = today.year() - years;
        let done = today.day_of_year().min(365) - 1;
        let (mut so_far, mut all) = (0.0, 0.0);
        for day in 0..365_i16 {
            let weight = self.day_weight(sum, year, day);
            all += weight;
            if day < done {
                so_far += weight;
            }
        }
        sum.plan * sum.pace * so_far / all
    }

    fn day_weight(&self, sum: &Cumulative, year: i16, day: i16) -> f64 {
        let place = (f64::from(day) + 0.5) / 365.0;
        let growing = sum.bend * place.powf(sum.bend - 1.0);
        let works = date(year, 1, 1)
            .checked_add(jiff::Span::new().days(i64::from(day)))
            .is_ok_and(|date| !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday));
        let chance = 0.4 + 1.2 * self.chance(i64::from(year) * 1000 + i64::from(day));
        growing * chance * if works { 1.0 } else { DAY_OFF }
    }

    fn level(&self, level: &Level, moment: Timestamp, years: f64) -> f64 {
        let hours = moment.as_micros() as f64 / HOUR_MICROS - years * YEAR_DAYS * DAY_HOURS;
        let local = hours + 7.0;
        let year = hours / DAY_HOURS / YEAR_DAYS;
        let swing = level.daily * (TAU * (local - 9.0) / DAY_HOURS).sin() + level.yearly * (TAU * (year - 0.25)).sin();
        let slow = self.smooth(hours / level.noise_hours.max(0.01), 0);
        let fast = self.smooth(hours * 120.0, 1) * 0.25;
        // Trends are told from 2023, the year of the demonstration's figures.
        let value = (level.base + level.trend * (year - 53.0) + swing + level.noise * (slow + fast)) * self.factor;
        value.max(level.min.unwrap_or(f64::MIN)).min(level.max.unwrap_or(f64::MAX))
    }

    /// A smooth course through chance values between −1 and 1, one at each whole `x`.
    fn smooth(&self, x: f64, lane: i64) -> f64 {
        let whole = x.floor();
        let part = x - whole;
        let eased = part * part * (3.0 - 2.0 * part);
        let step = (whole as i64).wrapping_mul(2).wrapping_add(lane);
        let (a, b) = (self.chance(step), self.chance(step.wrapping_add(2)));
        (a + (b - a) * eased) * 2.0 - 1.0
    }

    /// Between 0 and 1, the same for the same step.
    fn chance(&self, step: i64) -> f64 {
        let mut x = self.seed ^ step.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The share of the year that is over on the morning of `today`.
fn elapsed(today: Date) -> f64 {
    f64::from(today.day_of_year() - 1) / f64::from(today.days_in_year())
}
