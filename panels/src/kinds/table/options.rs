//! What a table can be told to show.

use protocol::{AreaId, Catalogue, Indicator, IndicatorId, Scenario, SeriesKey};
use serde::Deserialize;

use crate::options::{check_area, check_indicator};
use crate::wording::Wording;
use crate::{OptionsError, facts, parts};

/// As many as can be sent of.
const MOST_ROWS: usize = 20_000;
/// Beside one another; more could not be read.
const MOST_COLUMNS: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    #[serde(default)]
    title: Option<Wording>,
    /// With one `indicator` its parts are the rows; with `indicators` these are, in this area.
    #[serde(default)]
    area: Option<AreaId>,
    #[serde(default)]
    indicator: Option<IndicatorId>,
    #[serde(default)]
    indicators: Vec<IndicatorId>,
    /// Any figures, one a row.
    #[serde(default)]
    rows: Vec<RowOptions>,
    /// The day whose areas are the rows, like 2025-06-30; those of the newest boundaries if absent.
    #[serde(default)]
    boundaries: Option<String>,
    #[serde(default = "usual_columns")]
    pub(super) columns: Vec<Column>,
    #[serde(default)]
    pub(super) sort: Sort,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowOptions {
    indicator: IndicatorId,
    area: AreaId,
    #[serde(default)]
    label: Option<Wording>,
}

/// What stands in a column, with its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Column {
    Value,
    Unit,
    /// Against the same period.
    Change,
    /// Of the year.
    Plan,
    /// Of the plan that is reached.
    Share,
    /// By now.
    Expected,
    SamePeriod,
    /// In words.
    Status,
    Time,
    Owner,
}

fn usual_columns() -> Vec<Column> {
    vec![Column::Value, Column::Unit, Column::Change, Column::Time]
}

impl Column {
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Value => "column-value",
            Self::Unit => "column-unit",
            Self::Change => "column-change",
            Self::Plan => "column-plan",
            Self::Share => "column-share",
            Self::Expected => "column-expected",
            Self::SamePeriod => "column-same-period",
            Self::Status => "column-status",
            Self::Time => "column-time",
            Self::Owner => "column-owner",
        }
    }

    pub(super) fn is_words(self) -> bool {
        matches!(self, Self::Unit | Self::Status | Self::Owner)
    }

    fn scenarios(self) -> &'static [Scenario] {
        match self {
            Self::Change | Self::SamePeriod => &[Scenario::SamePeriod],
            Self::Plan | Self::Share => &[Scenario::Plan],
            Self::Expected => &[Scenario::Expected],
            Self::Value | Self::Unit | Self::Status | Self::Time | Self::Owner => &[],
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sort {
    /// As they are listed.
    #[default]
    None,
    Name,
    Largest,
    Smallest,
    Worst,
}

/// What a row is of.
#[derive(Debug, Clone)]
pub(super) struct Subject<'c> {
    pub(super) indicator: &'c Indicator,
    pub(super) area: AreaId,
    name: Wording,
}

impl Subject<'_> {
    pub(super) fn key(&self, scenario: Scenario) -> SeriesKey {
        SeriesKey { indicator: self.indicator.id.clone(), area: self.area.clone(), scenario }
    }

    pub(super) fn name(&self, language: &str) -> String {
        self.name.in_language(language).to_owned()
    }
}

impl Options {
    /// The figures that the columns need of each row.
    pub(super) fn scenarios(&self) -> Vec<Scenario> {
        let mut scenarios = vec![Scenario::Actual];
        for scenario in self.columns.iter().flat_map(|column| column.scenarios()) {
            if !scenarios.contains(scenario) {
                scenarios.push(*scenario);
            }
        }
        scenarios
    }

    pub(super) fn subjects<'c>(&self, catalogue: &'c Catalogue) -> Vec<Subject<'c>> {
        let indicator = |id: &IndicatorId| catalogue.indicators.get(id).map(|indicator| &**indicator);
        let of = |id: &IndicatorId, area: &AreaId, name: Wording| {
            Some(Subject { indicator: indicator(id)?, area: area.clone(), name })
        };
        if !self.rows.is_empty() {
            let row = |row: &RowOptions| {
                let own = || indicator(&row.indicator).map(|indicator| Wording::of(&indicator.name));
                of(&row.indicator, &row.area, row.label.clone().or_else(own)?)
            };
            return self.rows.iter().filter_map(row).collect();
        }
        let Some(area) = &self.area else { return Vec::new() };
        if let Some(id) = &self.indicator {
            let areas = parts::of(catalogue, area, self.boundaries.as_deref());
            return areas.into_iter().filter_map(|area| of(id, &area.id, Wording::of(&area.name))).collect();
        }
        let named = |id: &IndicatorId| of(id, area, Wording::of(&indicator(id)?.name));
        self.indicators.iter().filter_map(named).collect()
    }

    pub(super) fn title(&self, catalogue: &Catalogue, language: &str) -> String {
        if let Some(title) = &self.title {
            return title.in_language(language).to_owned();
        }
        let indicator = self.indicator.as_ref().and_then(|id| catalogue.indicators.get(id));
        let area = self.area.as_ref().and_then(|area| catalogue.areas.get(area));
        let area = || area.map_or_else(String::new, |area| area.name.in_language(language).to_owned());
        indicator.map_or_else(area, |indicator| facts::name_with_unit(indicator, language))
    }

    /// Which boundaries the rows have, where those hold only for a time.
    pub(super) fn boundaries(&self, catalogue: &Catalogue, language: &str) -> Option<String> {
        self.indicator.as_ref()?;
        parts::boundaries(&parts::of(catalogue, self.area.as_ref()?, self.boundaries.as_deref()), language)
    }

    pub(super) fn check(&self, catalogue: &Catalogue) -> Result<(), OptionsError> {
        self.check_columns()?;
        let ways = [self.indicator.is_some(), !self.indicators.is_empty(), !self.rows.is_empty()];
        if ways.iter().filter(|given| **given).count() != 1 {
            let message = "a table needs one of 'indicator' with 'area', 'indicators' with 'area', and 'rows'";
            return Err(OptionsError::of("rows", message));
        }
        if self.boundaries.is_some() && self.indicator.is_none() {
            return Err(OptionsError::of("boundaries", "'boundaries' needs one 'indicator', whose rows are areas"));
        }
        if !self.rows.is_empty() {
            return self.check_rows(catalogue);
        }
        let Some(area) = &self.area else {
            return Err(OptionsError::of("area", "a table of indicators needs an 'area'"));
        };
        check_area(catalogue, "area", area)?;
        for indicator in self.indicators.iter().chain(&self.indicator) {
            let option = if self.indicator.is_some() { "indicator" } else { "indicators" };
            check_indicator(catalogue, option, indicator)?;
        }
        if self.indicator.is_some() { parts::check(catalogue, area, self.boundaries.as_deref()) } else { Ok(()) }
    }

    fn check_columns(&self) -> Result<(), OptionsError> {
        if self.columns.is_empty() || self.columns.len() > MOST_COLUMNS {
            return Err(OptionsError::of("columns", format!("a table needs 1 to {MOST_COLUMNS} 'columns'")));
        }
        let twice = self.columns.iter().enumerate().find(|(place, column)| self.columns[..*place].contains(column));
        match twice {
            Some((_, column)) => Err(OptionsError::of("columns", format!("column {column:?} stands there twice"))),
            None => Ok(()),
        }
    }

    fn check_rows(&self, catalogue: &Catalogue) -> Result<(), OptionsError> {
        if self.rows.len() > MOST_ROWS {
            return Err(OptionsError::of("rows", format!("{} rows; a table has {MOST_ROWS} at most", self.rows.len())));
        }
        if self.area.is_some() {
            return Err(OptionsError::of("area", "each of 'rows' names its own area; leave 'area' out"));
        }
        for row in &self.rows {
            check_indicator(catalogue, "rows", &row.indicator)?;
            check_area(catalogue, "rows", &row.area)?;
        }
        Ok(())
    }
}
