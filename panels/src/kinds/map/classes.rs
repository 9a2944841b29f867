//! Classes of figures, each with a step of the ramp.

use serde::Deserialize;

use super::options::Classing;
use crate::axis;
use crate::theme::{Color, MAP_RAMP};

/// How figures are put into classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ClassBy {
    /// Equally wide, between round numbers.
    #[default]
    Equal,
    /// With equally many areas.
    Quantile,
}

/// Classes between breaks; a figure on a break belongs to the upper one.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Classes {
    pub breaks: Vec<f64>,
    /// The outer bounds, where the classes have some.
    pub ends: Option<(f64, f64)>,
    /// Digits that the bounds need.
    pub decimals: u8,
}

impl Classes {
    /// Of figures as they are written, with so many digits.
    pub fn of(classing: &Classing<'_>, values: &[f64], decimals: u8) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        match *classing {
            Classing::Breaks(breaks) => Self { breaks: breaks.to_vec(), ends: None, decimals: digits(breaks) },
            Classing::By(ClassBy::Equal, count) => {
                Self::equal(&sorted, count).unwrap_or_else(|| Self::quantile(&sorted, count, decimals))
            }
            Classing::By(ClassBy::Quantile, count) => Self::quantile(&sorted, count, decimals),
        }
    }

    /// `None` where figures do not differ, or so much that no round numbers lie between them.
    fn equal(sorted: &[f64], count: usize) -> Option<Self> {
        let (low, high) = (*sorted.first()?, *sorted.last()?);
        if low >= high || !(high - low).is_finite() {
            return None;
        }
        let ticks = (1..=count).rev().map(|most| axis::value_ticks(low, high, most));
        let ticks = ticks.into_iter().find(|ticks| (3..=count + 1).contains(&ticks.values.len()))?;
        let is_rising = ticks.values.is_sorted_by(|a, b| a < b);
        let [first, breaks @ .., last] = &ticks.values[..] else { return None };
        is_rising.then(|| Self { breaks: breaks.to_vec(), ends: Some((*first, *last)), decimals: ticks.decimals })
    }

    fn quantile(sorted: &[f64], count: usize, decimals: u8) -> Self {
        let scale = 10f64.powi(i32::from(decimals));
        let round = |value: f64| Some((value * scale).round() / scale).filter(|it| it.is_finite()).unwrap_or(value);
        let at = |part: usize| sorted.get(sorted.len() * part / count).map(|value| round(*value));
        let mut breaks: Vec<f64> = (1..count).filter_map(at).collect();
        breaks.dedup();
        breaks.retain(|value| sorted.first().is_some_and(|least| value > least));
        Self { breaks, ends: None, decimals }
    }

    pub fn color(&self, value: f64) -> Color {
        self.colors()[self.breaks.partition_point(|least| *least <= value)]
    }

    /// One for each class, the lowest first.
    pub fn colors(&self) -> Vec<Color> {
        let steps: &[usize] = match self.breaks.len() {
            0 => &[2],
            1 => &[1, 3],
            2 => &[0, 2, 4],
            3 => &[0, 1, 3, 4],
            _ => &[0, 1, 2, 3, 4],
        };
        steps.iter().map(|step| MAP_RAMP[*step]).collect()
    }
}

/// How many digits numbers have behind the comma.
fn digits(values: &[f64]) -> u8 {
    let is_whole = |value: &f64, digits: u8| {
        let scaled = value * 10f64.powi(i32::from(digits));
        (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1.0)
    };
    (0..=6).find(|digits| values.iter().all(|value| is_whole(value, *digits))).unwrap_or(6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_classes_end_at_round_numbers() {
        let classes = Classes::of(&Classing::By(ClassBy::Equal, 5), &[31.0, 24.9, 71.4, 58.4], 1);
        assert_eq!((classes.breaks.as_slice(), classes.ends), ([40.0, 60.0].as_slice(), Some((20.0, 80.0))));
        assert_eq!(classes.color(40.0), MAP_RAMP[2], "a figure on a break belongs to the upper class");
        assert_eq!(classes.color(39.9), MAP_RAMP[0]);
    }

    #[test]
    fn quantiles_have_equally_many() {
        let values: Vec<f64> = (0..20).map(|value| f64::from(value * value)).collect();
        let classes = Classes::of(&Classing::By(ClassBy::Quantile, 4), &values, 0);
        assert_eq!(classes.breaks, [25.0, 100.0, 225.0]);
        let of = |color| values.iter().filter(|value| classes.color(**value) == color).count();
        assert_eq!(classes.colors().into_iter().map(of).collect::<Vec<_>>(), [5, 5, 5, 5]);
    }

    #[test]
    fn figures_that_hardly_differ_or_differ_beyond_measure_have_classes_too() {
        for values in
            [&[][..], &[7.0], &[7.0, 7.0], &[f64::MAX, f64::MIN], &[f64::MIN_POSITIVE, 0.0], &[1e300, -1e-300]]
        {
            for by in [ClassBy::Equal, ClassBy::Quantile] {
                let classes = Classes::of(&Classing::By(by, 5), values, 2);
                assert!(
                    classes.breaks.len() < 5 && classes.breaks.iter().all(|value| value.is_finite()),
                    "{classes:?}"
                );
                assert!(values.iter().all(|value| MAP_RAMP.contains(&classes.color(*value))));
            }
        }
        assert_eq!(digits(&[20.0, 37.5]), 1);
    }
}
