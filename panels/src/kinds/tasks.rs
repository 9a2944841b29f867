//! Tasks: the report that adds them up, and those that are late or due, or how each agency stands.

use std::collections::BTreeMap;

use protocol::day::Day;
use protocol::task::{Report, Timing};
use protocol::{AgencyId, Catalogue, PanelSpec, RecordKind, Task, Timestamp, ViewState};
use serde::Deserialize;

use crate::entries::{self, Entry, Styles};
use crate::facts::{self, Severity};
use crate::frame::{self, Footer};
use crate::label::Label;
use crate::options::{parse, unknown};
use crate::rows::{self, Rest};
use crate::scene::{Point, Rect, Scene};
use crate::sheet::{self, Align, Head, Line};
use crate::text::{CAP_HEIGHT, Font, LINE_HEIGHT, Style};
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

    /// The report: every task stands in one of its parts, so that they add up to the whole.
    fn summary(&self, tile: &mut Tile<'_, '_>, report: Report) {
        let parts = [
            ("tasks-total", report.total(), theme::TEXT),
            ("tasks-done-in-time", report.done_in_time, theme::TEXT),
            ("tasks-done-late", report.done_late, theme::TEXT),
            ("tasks-open-in-time", report.open_in_time, theme::TEXT),
            ("tasks-overdue", report.overdue, Severity::Critical.pill().0),
        ];
        let fewer = [
            ("tasks-done", report.done(), theme::TEXT),
            ("tasks-open-in-time", report.open_in_time, theme::TEXT),
            ("tasks-overdue", report.overdue, Severity::Critical.pill().0),
        ];
        let (count, caption) = (tile.em(TextClass::Heading), tile.em(TextClass::Caption));
        let height = count * CAP_HEIGHT + caption * LINE_HEIGHT + tile.px(26.0);
        let fitting = [&parts[..], &fewer[..]].into_iter().find(|parts| self.fit(tile, parts));
        let Some(parts) = fitting.filter(|_| tile.room.height >= height * 1.5) else { return };
        let strip = tile.take_top(height);
        let width = strip.width / parts.len() as f32;
        for (index, (key, count, ink)) in parts.iter().copied().enumerate() {
            let place = Rect { x: strip.x + index as f32 * width, width: width - caption * 0.5, ..strip };
            self.part(tile, key, count, if count == 0 { theme::TEXT_3 } else { ink }, place);
        }
    }

    /// Whether the words of all parts have room side by side.
    fn fit(&self, tile: &mut Tile<'_, '_>, parts: &[(&str, u32, Color)]) -> bool {
        let words = tile.style(Font::Regular, TextClass::Caption, theme::CAPTION);
        let slot = tile.room.width / parts.len() as f32 - words.size * 0.5;
        parts.iter().all(|(key, ..)| tile.paint.text.width(&locale::text(self.language, key), words) <= slot)
    }

    fn part(&self, tile: &mut Tile<'_, '_>, key: &str, count: u32, ink: Color, place: Rect) {
        let number = tile.style(Font::DisplayBold, TextClass::Heading, ink);
        let words = tile.style(Font::Regular, TextClass::Caption, theme::CAPTION);
        let baseline = place.y + tile.px(14.0) + number.size * CAP_HEIGHT;
        let label = Piece::label(Label::number(count as usize, self.language), number);
        let pen = tile.pieces(vec![label], place.x, baseline, place.width);
        if key == "tasks-overdue"
            && count > 0
            && let Some(mark) = Severity::Critical.mark()
        {
            let center = Point { x: pen + number.size * 0.3, y: baseline - CAP_HEIGHT * number.size / 2.0 };
            mark.draw(tile, center, number.size * 0.4, Severity::Critical.color());
        }
        let below = baseline + words.size * LINE_HEIGHT;
        tile.pieces(vec![Piece::words(locale::text(self.language, key), words)], place.x, below, place.width);
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
        let keys = ["tasks-total", "tasks-done-in-time", "tasks-done-late", "tasks-open-in-time", "tasks-overdue"];
        let heads = keys.map(|key| Head { words: locale::text(self.language, key), align: Align::Right });
        sheet::draw(tile, heads.into(), rows.len(), |index, size| {
            let (name, report) = &rows[index];
            self.agency_line(name, *report, index == 0, size)
        });
    }

    fn agency_line(&self, name: &str, report: Report, is_total: bool, size: f32) -> Line {
        let font = if is_total { Font::SemiBold } else { Font::Regular };
        let style = |color| Style::new(font, TextClass::Body, size, color);
        let counts = [report.total(), report.done_in_time, report.done_late, report.open_in_time, report.overdue];
        let cell = |(index, count): (usize, u32)| {
            let ink = match (count, index) {
                (0, _) => theme::CAPTION,
                (_, 4) => Severity::Critical.pill().0,
                _ => theme::TEXT,
            };
            vec![Piece::label(Label::number(count as usize, self.language), style(ink))]
        };
        let is_late = report.overdue > 0 && !is_total;
        let mark = Severity::Critical.mark().filter(|_| is_late).map(|mark| (mark, Severity::Critical.color()));
        Line {
            mark,
            name: vec![Piece::words(name, style(if is_total { theme::TEXT } else { theme::TEXT_2 }))],
            cells: counts.into_iter().enumerate().map(cell).collect(),
        }
    }
}
