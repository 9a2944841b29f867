//! Tasks: the report that adds them up, and those that are late or due, or how each agency stands.

use std::collections::BTreeMap;

use protocol::day::Day;
use protocol::task::{Report, Timing};
use protocol::{AgencyId, Catalogue, PanelSpec, RecordKind, Task, Timestamp, ViewState};
use serde::Deserialize;

use crate::counts::{self, Count};
use crate::entries::{self, Entry, Styles};
use crate::facts::{self, Severity};
use crate::frame::{self, Footer};
use crate::label::Label;
use crate::options::{parse, unknown};
use crate::rows::{self, Rest};
use crate::scene::{Rect, Scene};
use crate::sheet::{self, Align, Head, Line};
use crate::text::{Font, Style};
use crate::theme::{self, Color, TextClass};
use crate::tile::{Piece, Tile};
use crate::wording::Wording;
use crate::{Needs, OptionsError, Paint, Panel, collation, locale, number};

/// The kind `tasks`.
pub struct Tasks;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    title: Option<Wording>,
    #[serde(default)]
    by: By,
    /// Only those that these agencies lead; all if absent.
    #[serde(default)]
    agencies: Vec<AgencyId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum By {
    /// How all stand, and below it what is late and what is due next.
    #[default]
    Task,
    /// How those of each agency stand.
    Agency,
}

impl Panel for Tasks {
    fn kind(&self) -> &'static str {
        "tasks"
    }

    fn needs(&self, spec: &PanelSpec, catalogue: &Catalogue, _: Rect) -> Result<Needs, OptionsError> {
        let options: Options = parse(spec)?;
        for agency in &options.agencies {
            if !catalogue.agencies.contains_key(agency) {
                let known = catalogue.agencies.keys().map(AgencyId::as_str);
                return Err(unknown("agencies", "agency", agency.as_str(), known));
            }
        }
        Ok(Needs { records: [RecordKind::Task].into(), ..Needs::default() })
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let (view, language, today) = (paint.view, paint.language, number::today(paint.now));
        let mut tile = Tile::new(paint, scene);
        let Some(arranged) = view.arranged() else { return tile.notice("waiting") };
        let tasks = tasks(view, &options);
        let reports: Vec<_> =
            tasks.iter().map(|task| frame::Report::of(&task.source, task.received_at, task.status)).collect();
        let footer = Footer::of_reports(&arranged.catalogue, &reports, &tile);
        let key = if options.by == By::Task { "tasks" } else { "tasks-by-agency" };
        let title = Wording::or(options.title.as_ref(), language, || locale::text(language, key));
        tile.frame(&title, None, footer.as_ref());
        if tasks.is_empty() {
            return tile.notice("no-tasks");
        }
        let drawing = Drawing { catalogue: &arranged.catalogue, language, today };
        match options.by {
            By::Task => drawing.open_tasks(&mut tile, &tasks),
            By::Agency => drawing.agencies(&mut tile, &tasks),
        }
    }

    fn next_change(&self, spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
        let options: Options = parse(spec).ok()?;
        let any = view.tasks().next().is_some();
        any.then(|| match options.by {
            By::Agency => rows::next_page(now).min(number::next_midnight(now)),
            By::Task => number::next_midnight(now),
        })
    }
}

/// Those that count.
fn tasks<'v>(view: &'v ViewState, options: &Options) -> Vec<&'v Task> {
    let is_meant = |task: &&Task| options.agencies.is_empty() || options.agencies.contains(&task.lead);
    view.tasks().map(|task| &**task).filter(is_meant).collect()
}

/// How one that is not done stands; none of the others.
fn severity(timing: Timing) -> Option<Severity> {
    match timing {
        Timing::Overdue { .. } => Some(Severity::Critical),
        Timing::DueSoon { .. } => Some(Severity::Warning),
        Timing::InTime | Timing::NoDeadline => Some(Severity::Normal),
        Timing::Withdrawn | Timing::DoneInTime | Timing::DoneLate { .. } => None,
    }
}

/// A part of the report, or some of them together.
#[derive(Clone, Copy)]
struct Part {
    key: &'static str,
    count: fn(&Report) -> u32,
    /// Of one that should be empty.
    severity: Option<Severity>,
}

const OPEN_IN_TIME: Part = Part::of("tasks-open-in-time", |report| report.open_in_time);
const OVERDUE: Part = Part { severity: Some(Severity::Critical), ..Part::of("tasks-overdue", |report| report.overdue) };
/// Every task stands in one of those behind the first, so that they add up to it.
const PARTS: [Part; 5] = [
    Part::of("tasks-total", Report::total),
    Part::of("tasks-done-in-time", |report| report.done_in_time),
    Part::of("tasks-done-late", |report| report.done_late),
    OPEN_IN_TIME,
    OVERDUE,
];
/// Where those have no room.
const FEWER_PARTS: [Part; 3] = [Part::of("tasks-done", Report::done), OPEN_IN_TIME, OVERDUE];

impl Part {
    const fn of(key: &'static str, count: fn(&Report) -> u32) -> Self {
        Self { key, count, severity: None }
    }

    /// What its count is written in; in `none` where that is nothing.
    fn ink(self, count: u32, none: Color) -> Color {
        match self.severity {
            _ if count == 0 => none,
            Some(severity) => severity.pill().0,
            None => theme::TEXT,
        }
    }
}

struct Drawing<'a> {
    catalogue: &'a Catalogue,
    language: &'a str,
    today: Day,
}

impl Drawing<'_> {
    fn open_tasks(&self, tile: &mut Tile<'_, '_>, tasks: &[&Task]) {
        let all = Report::of(tasks.iter().copied(), self.today);
        self.summary(tile, all);
        let timed = tasks.iter().map(|task| (*task, task.timing(self.today)));
        let mut open: Vec<(&Task, Timing)> = timed.filter(|(_, timing)| severity(*timing).is_some()).collect();
        // The latest first; then what is due first; what has no deadline last.
        open.sort_by_key(|(task, _)| (task.deadline.is_none(), task.deadline, &task.id));
        if open.is_empty() {
            return tile.notice("no-open-tasks");
        }
        if open.iter().any(|(_, timing)| matches!(timing, Timing::Overdue { .. })) {
            tile.attention_border(Severity::Critical);
        }
        entries::draw(tile, open.len(), Rest::Counted { more: 0 }, |index, styles| self.entry(open[index], styles));
    }

    /// The report, in as many parts as have room.
    fn summary(&self, tile: &mut Tile<'_, '_>, report: Report) {
        let mut fits = |part: &Part, of| counts::fits(tile, &locale::text(self.language, part.key), of);
        let mut fit = |parts: &&[Part]| parts.iter().all(|part| fits(part, parts.len()));
        let Some(parts) = [&PARTS[..], &FEWER_PARTS].into_iter().find(&mut fit) else { return };
        let count = |part: &Part| {
            let count = (part.count)(&report);
            let severity = part.severity.filter(|_| count > 0);
            Count {
                number: Label::number(count as usize, self.language),
                font: Font::DisplayBold,
                ink: part.ink(count, theme::TEXT_3),
                mark: severity.and_then(|severity| Some((severity.mark()?, severity.color()))),
                words: locale::text(self.language, part.key),
            }
        };
        counts::draw(tile, parts.iter().map(count).collect());
    }

    fn entry(&self, (task, timing): (&Task, Timing), styles: Styles) -> Entry {
        let severity = severity(timing).unwrap_or(Severity::Normal);
        let ink = if severity == Severity::Normal { theme::TEXT_3 } else { severity.pill().0 };
        let when = Label::timing(timing, self.language);
        let when = when.map(|when| Piece::label(when, Style { color: ink, ..styles.caption }));
        let deadline = task.deadline.map(|day| Label::deadline(day, task.extensions.len(), self.language));
        let document = task.document.as_ref().map(|document| format!(" · {}", document.number));
        let below = std::iter::once(self.agency(&task.lead).to_owned()).chain(document);
        Entry {
            mark: severity.mark().map(|mark| (mark, severity.color())),
            above: vec![Piece::words(task.content.in_language(self.language), styles.name)],
            above_right: when.into_iter().collect(),
            below: below.map(|words| Piece::words(words, styles.caption)).collect(),
            below_short: vec![Piece::words(self.agency(&task.lead), styles.caption)],
            below_right: deadline.map(|deadline| Piece::label(deadline, styles.caption)).into_iter().collect(),
            ..Entry::default()
        }
    }

    fn agency<'s>(&'s self, id: &'s AgencyId) -> &'s str {
        facts::agency(self.catalogue, id, self.language).unwrap_or(id.as_str())
    }

    /// Whoever is latest first, all of them together above.
    fn agencies(&self, tile: &mut Tile<'_, '_>, tasks: &[&Task]) {
        let mut by_agency: BTreeMap<&AgencyId, Report> = BTreeMap::new();
        for task in tasks {
            by_agency.entry(&task.lead).or_default().add(task.timing(self.today));
        }
        let mut rows: Vec<(String, Report)> =
            by_agency.into_iter().map(|(agency, report)| (self.agency(agency).to_owned(), report)).collect();
        rows.sort_by_cached_key(|(name, report)| (std::cmp::Reverse(report.overdue), collation::key(name)));
        let all = Report::of(tasks.iter().copied(), self.today);
        rows.insert(0, (locale::text(self.language, "tasks-all"), all));
        let heads = PARTS.map(|part| Head { words: locale::text(self.language, part.key), align: Align::Right });
        sheet::draw(tile, heads.into(), rows.len(), |index, size| {
            let (name, report) = &rows[index];
            self.agency_line(name, *report, index == 0, size)
        });
    }

    fn agency_line(&self, name: &str, report: Report, is_total: bool, size: f32) -> Line {
        let font = if is_total { Font::SemiBold } else { Font::Regular };
        let style = |color| Style::new(font, TextClass::Body, size, color);
        let cell = |part: Part| {
            let count = (part.count)(&report);
            vec![Piece::label(Label::number(count as usize, self.language), style(part.ink(count, theme::CAPTION)))]
        };
        let is_late = report.overdue > 0 && !is_total;
        let mark = Severity::Critical.mark().filter(|_| is_late).map(|mark| (mark, Severity::Critical.color()));
        Line {
            mark,
            name: vec![Piece::words(name, style(if is_total { theme::TEXT } else { theme::TEXT_2 }))],
            cells: PARTS.map(cell).into(),
        }
    }
}
