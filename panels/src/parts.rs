//! The areas below another, as of one day: boundaries change, and no area may be counted twice.

use protocol::{Area, AreaId, Catalogue};

use crate::OptionsError;
use crate::{locale, number};

/// Those that there were on `day`, like 2025-06-30; those of the newest boundaries if absent.
pub(crate) fn of<'c>(catalogue: &'c Catalogue, area: &AreaId, day: Option<&str>) -> Vec<&'c Area> {
    let all: Vec<&Area> = catalogue.children(area).map(|area| &**area).collect();
    let newest = || all.iter().filter_map(|area| area.valid_from.as_deref()).max();
    let day = day.or_else(newest);
    all.iter().copied().filter(|area| day.is_none_or(|day| area.is_valid_on(day))).collect()
}

/// Refuses a day that is none, and an area that had nothing below it then.
pub(crate) fn check(catalogue: &Catalogue, area: &AreaId, day: Option<&str>) -> Result<(), OptionsError> {
    // Compared as text, so it must be written as the catalogue writes its days.
    if let Some(day) = day
        && day.parse::<jiff::civil::Date>().ok().is_none_or(|date| date.to_string() != day)
    {
        return Err(OptionsError::of("boundaries", format!("'{day}' is not a day; write it like 2025-06-30")));
    }
    if of(catalogue, area, day).is_empty() {
        let when = day.map(|day| format!(" on {day}")).unwrap_or_default();
        return Err(OptionsError::of("area", format!("area '{area}' has no areas below it{when} to compare")));
    }
    Ok(())
}

/// Which boundaries areas have, where those hold only for a time.
pub(crate) fn boundaries(areas: &[&Area], language: &str) -> Option<String> {
    let day = |day: Option<&String>| number::day_named(day?).map(number::date);
    let (key, day) = match day(areas.iter().filter_map(|area| area.valid_to.as_ref()).min()) {
        Some(day) => ("boundaries-before", day),
        None => ("boundaries-since", day(areas.iter().filter_map(|area| area.valid_from.as_ref()).max())?),
    };
    Some(locale::text_with(language, key, &[("day", &day)]))
}
