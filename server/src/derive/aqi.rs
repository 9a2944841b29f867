//! VN_AQI, the air quality index of Decision 1459/QĐ-TCMT: pure arithmetic over concentrations in µg/m³.

/// A pollutant, as the breakpoints tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pollutant {
    /// Its mean of an hour.
    O3,
    /// Its mean of eight hours.
    O3EightHours,
    Co,
    So2,
    No2,
    Pm10,
    Pm25,
}

/// The index at each breakpoint.
const INDEX: [f64; 8] = [0.0, 50.0, 100.0, 150.0, 200.0, 300.0, 400.0, 500.0];

impl Pollutant {
    /// The concentrations at which the index is [`INDEX`], in µg/m³. Above the last one it is 500.
    fn breakpoints(self) -> &'static [f64] {
        match self {
            Self::O3 => &[0.0, 160.0, 200.0, 300.0, 400.0, 800.0, 1000.0, 1200.0],
            // Above 400 the index goes by the mean of an hour alone.
            Self::O3EightHours => &[0.0, 100.0, 120.0, 170.0, 210.0, 400.0],
            Self::Co => &[0.0, 10_000.0, 30_000.0, 45_000.0, 60_000.0, 90_000.0, 120_000.0, 150_000.0],
            Self::So2 => &[0.0, 125.0, 350.0, 550.0, 800.0, 1600.0, 2100.0, 2630.0],
            Self::No2 => &[0.0, 100.0, 200.0, 700.0, 1200.0, 2350.0, 3100.0, 3850.0],
            Self::Pm10 => &[0.0, 50.0, 150.0, 250.0, 350.0, 420.0, 500.0, 600.0],
            Self::Pm25 => &[0.0, 25.0, 50.0, 80.0, 150.0, 250.0, 350.0, 500.0],
        }
    }

    /// The index of a concentration, as a whole number; `None` for what is no concentration, or beyond where the
    /// pollutant has an index.
    #[must_use]
    pub fn index(self, concentration: f64) -> Option<f64> {
        let breakpoints = self.breakpoints();
        if concentration.is_nan() || concentration < 0.0 {
            return None;
        }
        let above = breakpoints.iter().position(|breakpoint| concentration <= *breakpoint);
        let Some(above) = above else {
            return (breakpoints.len() == INDEX.len()).then_some(500.0);
        };
        let below = above.saturating_sub(1);
        if above == below {
            return Some(INDEX[0]);
        }
        let (low, high) = (breakpoints[below], breakpoints[above]);
        let share = (concentration - low) / (high - low);
        Some((INDEX[below] + share * (INDEX[above] - INDEX[below])).round())
    }
}

/// The weighted mean of the last twelve hours, newest first; `None` where fewer than two of the last three are there.
#[must_use]
pub fn nowcast(hours: &[Option<f64>; 12]) -> Option<f64> {
    if hours[..3].iter().flatten().count() < 2 {
        return None;
    }
    let there = || hours.iter().enumerate().filter_map(|(age, value)| Some((age, (*value)?)));
    let most = there().map(|(_, value)| value).fold(f64::NEG_INFINITY, f64::max);
    let least = there().map(|(_, value)| value).fold(f64::INFINITY, f64::min);
    let ratio = if most > 0.0 { least / most } else { 1.0 };
    if ratio <= 0.5 {
        // Twice the weight of each is that of all before it, so that the weights of all hours come to one.
        let half = |age: usize| 0.5_f64.powi(age as i32 + 1);
        return Some(there().map(|(age, value)| half(age) * value).sum());
    }
    let weight = |age: usize| ratio.powi(age as i32);
    let weights: f64 = there().map(|(age, _)| weight(age)).sum();
    Some(there().map(|(age, value)| weight(age) * value).sum::<f64>() / weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_breakpoint_of_the_table() {
        let table = [
            (Pollutant::O3, "0 160 200 300 400 800 1000 1200"),
            (Pollutant::O3EightHours, "0 100 120 170 210 400"),
            (Pollutant::Co, "0 10000 30000 45000 60000 90000 120000 150000"),
            (Pollutant::So2, "0 125 350 550 800 1600 2100 2630"),
            (Pollutant::No2, "0 100 200 700 1200 2350 3100 3850"),
            (Pollutant::Pm10, "0 50 150 250 350 420 500 600"),
            (Pollutant::Pm25, "0 25 50 80 150 250 350 500"),
        ];
        let indexes = [0.0, 50.0, 100.0, 150.0, 200.0, 300.0, 400.0, 500.0];
        for (pollutant, concentrations) in table {
            let concentrations: Vec<f64> = concentrations.split(' ').map(|text| text.parse().unwrap()).collect();
            for (concentration, index) in concentrations.iter().zip(indexes) {
                assert_eq!(pollutant.index(*concentration), Some(index), "{pollutant:?} at {concentration}");
            }
            for (stretch, indexes) in concentrations.windows(2).zip(indexes.windows(2)) {
                let middle = f64::midpoint(stretch[0], stretch[1]);
                let expected = f64::midpoint(indexes[0], indexes[1]).round();
                assert_eq!(pollutant.index(middle), Some(expected), "{pollutant:?} at {middle}");
            }
            let beyond = concentrations.last().unwrap() + 1.0;
            let highest = (pollutant != Pollutant::O3EightHours).then_some(500.0);
            assert_eq!(pollutant.index(beyond), highest, "{pollutant:?} at {beyond}");
            assert_eq!((pollutant.index(-1.0), pollutant.index(f64::NAN)), (None, None));
        }
        assert_eq!(Pollutant::Pm25.index(20.3), Some(41.0));
    }

    /// The hours newest first; `-` for one that is missing.
    fn hours(text: &str) -> [Option<f64>; 12] {
        let mut hours = [None; 12];
        for (hour, text) in hours.iter_mut().zip(text.split(' ')) {
            *hour = text.parse().ok();
        }
        hours
    }

    #[test]
    fn nowcast_weighs_by_how_much_the_hours_differ() {
        let cases = [
            ("20 20 20 20 20 20 20 20 20 20 20 20", Some(20.0)),
            ("0 0 0 0 0 0 0 0 0 0 0 0", Some(0.0)),
            // Two of the last three.
            ("20 20 -", Some(20.0)),
            ("20 - 20", Some(20.0)),
            ("- 20 20", Some(20.0)),
            ("20 - -", None),
            ("- 20 -", None),
            ("- - 20 20 20 20 20 20 20 20 20 20", None),
            ("", None),
            // w* = 0.8: (40 + 0.8 · 32) / 1.8
            ("40 32", Some(65.6 / 1.8)),
            // w* = 0.8, the second hour missing: (40 + 0.64 · 32) / 1.64
            ("40 - 32", Some((40.0 + 0.64 * 32.0) / 1.64)),
            // w* = 0.25, so that w = ½: ½ · 10 + ¼ · 40
            ("10 40", Some(15.0)),
            // w* = ½ exactly: ½ · 20 + ¼ · 40 + ⅛ · 40
            ("20 40 40", Some(25.0)),
            // w = ½ with an hour missing: its weight is lost.
            ("10 - 40", Some(10.0)),
            // w* just above ½: 20.2/40 = 0.505
            ("20.2 40", Some((20.2 + 0.505 * 40.0) / 1.505)),
            ("0 50 0 0 0 0 0 0 0 0 0 0", Some(12.5)),
        ];
        for (given, expected) in cases {
            let (got, close) = (nowcast(&hours(given)), |a: f64, b: f64| (a - b).abs() < 1e-9);
            let same = match (got, expected) {
                (Some(got), Some(expected)) => close(got, expected),
                (got, expected) => got == expected,
            };
            assert!(same, "{given}: {got:?}, not {expected:?}");
        }
    }
}
