//! A table: figures below one another, each with what is needed to judge it in columns.

use protocol::{Catalogue, Indicator, PanelSpec, Scenario, Timestamp, ViewState};

use crate::facts::{self, Facts, Severity};
use crate::frame::{Footer, Said};
use crate::label::Label;
use crate::options::parse;
use crate::provenance::{Figure, Origin};
use crate::rows;
use crate::scene::{Rect, Scene};
use crate::sheet::{self, Align, Head, Line};
use crate::text::{Font, Style};
use crate::theme::{self, TextClass};
use crate::tile::{Piece, Tile};
use crate::{Needs, OptionsError, Paint, Panel, collation, locale, window};

mod options;

use options::{Column, Options, Sort, Subject};

/// The kind `table`.
pub struct Table;

impl Panel for Table {
    fn kind(&self) -> &'static str {
        "table"
    }

    fn needs(&self, spec: &PanelSpec, catalogue: &Catalogue, _: Rect) -> Result<Needs, OptionsError> {
        let options: Options = parse(spec)?;
        options.check(catalogue)?;
        let mut needs = Needs::default();
        for subject in options.subjects(catalogue) {
            for scenario in options.scenarios() {
                let series = subject.key(scenario);
                needs.windows.extend(window::compared(series.clone(), subject.indicator));
                needs.series.push(series);
            }
        }
        Ok(needs)
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let (view, language, now) = (paint.view, paint.language, paint.now);
        let mut tile = Tile::new(paint, scene);
        let Some(arranged) = view.arranged() else { return tile.notice("waiting") };
        let catalogue = &arranged.catalogue;
        let rows = sorted(&options, view, catalogue, (language, now));
        let said: Vec<Said<'_>> = rows.iter().filter_map(Row::said).collect();
        let mut footer = Footer::of(catalogue, &said, &tile);
        if let Some(footer) = &mut footer {
            footer.add(options.boundaries(catalogue, language));
        }
        tile.frame(&options.title(catalogue, language), None, footer.as_ref());
        if said.is_empty() {
            return tile.notice("no-figures");
        }
        let drawing = Drawing { options: &options, view, catalogue, language, now };
        let heads = options.columns.iter().map(|column| column.head(language)).collect();
        sheet::draw(&mut tile, heads, rows.len(), |index, size| drawing.line(&rows[index], size));
    }

    fn next_change(&self, spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
        let options: Options = parse(spec).ok()?;
        let subjects = options.subjects(&view.arranged()?.catalogue);
        let turned = (subjects.len() > 1).then(|| rows::next_page(now));
        let aged = facts::next_change_of(view, subjects.iter().map(|subject| subject.key(Scenario::Actual)), now);
        turned.into_iter().chain(aged).min()
    }
}

/// What is known of a row before it is drawn; the rest is looked up for those on the page.
struct Row<'a> {
    subject: Subject<'a>,
    name: String,
    actual: Option<Origin>,
    severity: Severity,
}

impl Row<'_> {
    fn said(&self) -> Option<Said<'_>> {
        Some(Said::of(self.subject.indicator, self.actual.as_ref()?))
    }

    fn shown(&self) -> Option<f64> {
        Some(self.actual.as_ref()?.value() * self.subject.indicator.display_scale)
    }
}

fn sorted<'c>(
    options: &Options,
    view: &ViewState,
    catalogue: &'c Catalogue,
    (language, now): (&str, Timestamp),
) -> Vec<Row<'c>> {
    let row = |subject: Subject<'c>| {
        let latest = view.latest(&subject.key(Scenario::Actual));
        let severity = latest.map_or(Severity::Normal, |latest| facts::judge(subject.indicator, latest, now));
        Row { name: subject.name(language), actual: latest.map(|latest| Origin::from(&**latest)), severity, subject }
    };
    let mut rows: Vec<Row<'c>> = options.subjects(catalogue).into_iter().map(row).collect();
    let value = |row: &Row<'_>, none: f64| row.shown().unwrap_or(none);
    match options.sort {
        Sort::None => {}
        Sort::Name => rows.sort_by_cached_key(|row| collation::key(&row.name)),
        Sort::Largest => {
            rows.sort_by(|a, b| value(b, f64::NEG_INFINITY).total_cmp(&value(a, f64::NEG_INFINITY)));
        }
        Sort::Smallest => rows.sort_by(|a, b| value(a, f64::INFINITY).total_cmp(&value(b, f64::INFINITY))),
        Sort::Worst => rows.sort_by_key(|row| std::cmp::Reverse(row.severity)),
    }
    rows
}

/// What all rows are drawn from.
struct Drawing<'a> {
    options: &'a Options,
    view: &'a ViewState,
    catalogue: &'a Catalogue,
    language: &'a str,
    now: Timestamp,
}

impl Drawing<'_> {
    fn line(&self, row: &Row<'_>, size: f32) -> Line {
        let name = Style::new(Font::Regular, TextClass::Body, size, theme::TEXT_2);
        let indicator = row.subject.indicator;
        let facts = Facts::of(self.view, &indicator.id, &row.subject.area);
        let cells = self.options.columns.iter().map(|column| {
            let figure = facts.as_ref().and_then(|facts| self.cell(*column, facts, row, size));
            figure.unwrap_or_else(|| vec![Piece::words("–", Style { color: theme::CAPTION, ..name })])
        });
        let mark = row.severity.mark().map(|mark| (mark, row.severity.color()));
        Line { mark, name: vec![Piece::words(row.name.clone(), name)], cells: cells.collect() }
    }

    /// What stands in a column; nothing where it is not known.
    fn cell(&self, column: Column, facts: &Facts<'_>, row: &Row<'_>, size: f32) -> Option<Vec<Piece>> {
        let (indicator, language) = (row.subject.indicator, self.language);
        let quiet = Style::new(Font::Regular, TextClass::Body, size, theme::TEXT_3);
        let ink = if row.severity == Severity::Normal { theme::TEXT } else { row.severity.pill().0 };
        let strong = Style::new(Font::SemiBold, TextClass::Body, size, ink);
        let figure = |origin: &Origin| Piece::figure(Figure::value(origin.clone(), indicator, language), quiet);
        let pieces = match column {
            Column::Value => vec![Piece::figure(Figure::value(facts.actual.clone()?, indicator, language), strong)],
            Column::Unit => vec![Piece::words(indicator.unit.in_language(language), quiet)],
            Column::Plan => vec![figure(facts.plan.as_ref()?)],
            Column::Expected => vec![figure(facts.expected.as_ref()?)],
            Column::SamePeriod => vec![figure(facts.same_period.as_ref()?)],
            Column::Share => vec![Piece::figure(facts.plan_share(language)?.1, quiet)],
            Column::Change => {
                let movement = facts.movement(language)?;
                let ink = movement.ink(row.severity);
                let points = movement.points.then(|| locale::text(language, "percentage-points"));
                let points = points.map(|points| Piece::words(format!(" {points}"), quiet));
                let figure = Piece::figure(movement.figure, Style { color: ink, ..quiet });
                std::iter::once(figure).chain(points).collect()
            }
            Column::Status => vec![Piece::words(locale::text(language, row.severity.words()?), strong)],
            Column::Time => vec![Piece::label(self.as_of(indicator, facts.actual.as_ref()?), quiet)],
            Column::Owner => {
                let owner = facts::owner(self.catalogue, indicator, language);
                vec![Piece::words(owner.unwrap_or(indicator.owner.as_str()), quiet)]
            }
        };
        Some(pieces)
    }

    fn as_of(&self, indicator: &Indicator, actual: &Origin) -> Label {
        Label::as_of(indicator.period, actual.phenomenon_time(), self.now, self.language, true)
    }
}

impl Column {
    fn head(self, language: &str) -> Head {
        let align = if self.is_words() { Align::Left } else { Align::Right };
        Head { words: locale::text(language, self.key()), align }
    }
}
