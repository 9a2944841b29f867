//! What tiles share around their content: title with pill, and the footer with source and time.

use std::collections::BTreeSet;

use protocol::observation::{Freshness, Period};
use protocol::{Catalogue, Indicator, ObservationStatus, SourceId, Timestamp};

use crate::facts::{self, Severity};
use crate::label::Label;
use crate::locale;
use crate::marks::Mark;
use crate::provenance::Origin;
use crate::scene::{Point, Rect, TextContent};
use crate::text::{CAP_HEIGHT, Font, LINE_HEIGHT, Style};
use crate::theme::{self, Color, TextClass};
use crate::tile::{Piece, Tile};

/// A short remark on a plate, with a shape.
pub(crate) struct Pill {
    pub mark: Mark,
    /// What it is about, where that is not plain.
    pub name: Option<String>,
    pub content: TextContent,
    pub ink: Color,
    pub plate: Color,
}

impl Pill {
    /// What there is to say of a severity; nothing when all is normal.
    pub fn at(severity: Severity, at: Timestamp, now: Timestamp, language: &str) -> Option<Self> {
        let words = |key| TextContent::Words(locale::text(language, key).into());
        let content = match severity {
            Severity::Stale => TextContent::Label(Label::age(at, now, language)),
            other => words(other.words()?),
        };
        let (ink, plate) = severity.pill();
        Some(Self { mark: severity.mark()?, name: None, content, ink, plate })
    }
}

/// Who says so, and as of when.
#[derive(Debug, Clone)]
pub(crate) struct Footer {
    pub source: String,
    pub time: Label,
    /// Where the other one has no room.
    pub short_time: Label,
    pub illustrative: bool,
    /// Whether the next figure is due and not yet there.
    pub due: bool,
}

/// What a footer is told of one figure.
pub(crate) struct Said<'a> {
    pub indicator: &'a Indicator,
    pub source: &'a SourceId,
    pub at: Timestamp,
    pub illustrative: bool,
}

impl<'a> Said<'a> {
    pub fn of(indicator: &'a Indicator, origin: &'a Origin) -> Self {
        let (source, at, illustrative) = (origin.source(), origin.phenomenon_time(), origin.is_illustrative());
        Self { indicator, source, at, illustrative }
    }
}

/// What a footer is told of one record.
pub(crate) struct Report<'a> {
    pub source: &'a SourceId,
    pub received_at: Timestamp,
    pub illustrative: bool,
}

impl<'a> Report<'a> {
    pub fn of(source: &'a SourceId, received_at: Timestamp, status: ObservationStatus) -> Self {
        Self { source, received_at, illustrative: status == ObservationStatus::Simulated }
    }
}

impl Footer {
    /// Of all records of a tile: their source, or how many there are, and when the newest came. `None` of none.
    pub fn of_reports(catalogue: &Catalogue, reports: &[Report<'_>], tile: &Tile<'_, '_>) -> Option<Self> {
        let language = tile.paint.language;
        let newest = reports.iter().max_by_key(|report| report.received_at)?;
        let sources: BTreeSet<&SourceId> = reports.iter().map(|report| report.source).collect();
        let named = |id: &SourceId| match catalogue.sources.get(id) {
            Some(source) => source.name.in_language(language).to_owned(),
            None => id.to_string(),
        };
        let source = match sources.len() {
            1 => named(newest.source),
            many => locale::text_with(language, "sources", &[("count", &many.to_string())]),
        };
        let time = |short| Label::as_of(Period::Continuous, newest.received_at, tile.paint.now, language, short);
        let illustrative = reports.iter().any(|report| report.illustrative);
        Some(Self { source, time: time(tile.is_narrow()), short_time: time(true), illustrative, due: false })
    }

    /// Of all figures of a tile: their source, or how many there are, and the time of the oldest. `None` of none.
    pub fn of(catalogue: &Catalogue, said: &[Said<'_>], tile: &Tile<'_, '_>) -> Option<Self> {
        let language = tile.paint.language;
        let oldest = said.iter().min_by_key(|said| said.at)?;
        let names: BTreeSet<String> =
            said.iter().map(|said| source_name(catalogue, said.indicator, said.source, language)).collect();
        let source = match names.len() {
            1 => names.into_iter().next()?,
            many => locale::text_with(language, "sources", &[("count", &many.to_string())]),
        };
        let time = |short| Label::as_of(oldest.indicator.period, oldest.at, tile.paint.now, language, short);
        let illustrative = said.iter().any(|said| said.illustrative);
        let due = oldest.indicator.freshness(oldest.at, tile.paint.now) == Freshness::Due;
        Some(Self { source, time: time(tile.is_narrow()), short_time: time(true), illustrative, due })
    }

    /// Says more beside the source.
    pub fn add(&mut self, words: Option<String>) {
        if let Some(words) = words {
            self.source = format!("{} · {words}", self.source);
        }
    }
}

/// The name of the source; of the owner where the source is not known.
fn source_name(catalogue: &Catalogue, indicator: &Indicator, source: &SourceId, language: &str) -> String {
    if let Some(source) = catalogue.sources.get(source) {
        return source.name.in_language(language).to_owned();
    }
    facts::owner(catalogue, indicator, language).unwrap_or(source.as_str()).to_owned()
}

impl Tile<'_, '_> {
    /// Whether there is only room for short forms.
    pub fn is_narrow(&self) -> bool {
        self.room.width < self.px(560.0)
    }

    /// Title and footer. Where the footer has no room to say that figures are made up, the title does.
    pub fn frame(&mut self, title: &str, pill: Option<&Pill>, footer: Option<&Footer>) {
        let start = self.checkpoint();
        self.title_row(title, pill, false);
        let is_told = footer.is_none_or(|footer| self.footer(footer) || !footer.illustrative);
        if !is_told {
            self.rewind(start);
            self.title_row(title, pill, true);
            footer.map(|footer| self.footer(footer));
        }
    }

    /// Title on the left, pill on the right, below one another where both would be illegible. `illustrative`
    /// puts the mark of made-up figures before the title.
    pub fn title_row(&mut self, title: &str, pill: Option<&Pill>, illustrative: bool) {
        let style = self.style(Font::SemiBold, TextClass::Title, theme::TEXT_2);
        let pill_width = pill.map_or(0.0, |pill| self.pill_width(pill) + self.px(16.0));
        let mark = if illustrative { style.size * 0.9 } else { 0.0 };
        let least = style.at(self.smallest());
        let beside = self.paint.text.width(title, least) <= self.room.width - pill_width - mark;
        let width = if beside { self.room.width - pill_width - mark } else { self.room.width - mark };
        let top = Rect { width: width.max(0.0), x: self.room.x + mark, ..self.room };
        let used = self.title(title, style, top);
        let row = self.take_top(used);
        if illustrative {
            let center = Point { x: row.x + mark * 0.4, y: row.y + style.line_height().min(row.height) / 2.0 };
            Mark::Illustrative.draw(self, center, mark * 0.8, theme::CAPTION);
        }
        let Some(pill) = pill else { return };
        let height = self.em(TextClass::Caption) * 1.5;
        if beside {
            let middle = row.y + style.line_height().min(row.height) / 2.0;
            self.pill(pill, row.right() - pill_width + self.px(16.0), middle);
        } else {
            let row = self.take_top(height);
            self.pill(pill, row.x, row.y + row.height / 2.0);
        }
    }

    /// In one line while legible, then in two, then shortened. Gives the height used.
    fn title(&mut self, title: &str, style: Style, room: Rect) -> f32 {
        let smallest = self.smallest();
        let one_line = self.paint.text.fit(title, style, room.width, smallest);
        if !one_line.shortened || room.height < style.line_height() * 4.0 {
            let baseline = room.y + room.height.min(style.line_height()) / 2.0 + CAP_HEIGHT * one_line.size / 2.0;
            self.piece(Piece::words(one_line.text, style.at(one_line.size)), room.x, baseline);
            return style.line_height();
        }
        self.paragraph(title, style.at(smallest), Rect { height: smallest * LINE_HEIGHT * 2.05, ..room })
    }

    fn pill_pieces(&self, pill: &Pill) -> Vec<Piece> {
        let style = self.pill_style(pill.ink);
        let name = pill.name.iter().map(|name| Piece::words(format!("{name}: "), style));
        name.chain([Piece { content: pill.content.clone(), style }]).collect()
    }

    fn pill_style(&self, ink: Color) -> Style {
        self.style(Font::SemiBold, TextClass::Caption, ink)
    }

    pub fn pill_width(&mut self, pill: &Pill) -> f32 {
        let pieces = self.pill_pieces(pill);
        self.width(&pieces) + self.pill_style(pill.ink).size * 2.1
    }

    /// With its left edge at `x`, around the height `middle`.
    pub fn pill(&mut self, pill: &Pill, x: f32, middle: f32) {
        let style = self.pill_style(pill.ink);
        let height = style.size * 1.5;
        let width = self.pill_width(pill).min(self.paint.rect.right() - x).max(0.0);
        self.plate(Rect::new(x, middle - height / 2.0, width, height), height * 0.22, pill.plate);
        pill.mark.draw(self, Point { x: x + style.size * 0.9, y: middle }, style.size * 0.72, pill.ink);
        let baseline = middle + CAP_HEIGHT * style.size / 2.0;
        let left = x + style.size * 1.5;
        self.pieces(self.pill_pieces(pill), left, baseline, (x + width - style.size * 0.4 - left).max(0.0));
    }

    /// Source on the left, time on the right, at the bottom of the room. Gives whether there was room to mark
    /// made-up figures.
    pub fn footer(&mut self, footer: &Footer) -> bool {
        let style = self.style(Font::Regular, TextClass::Caption, theme::CAPTION);
        let row = self.take_bottom(style.line_height());
        if row.height < style.line_height() * 0.99 {
            return false;
        }
        let mut left = row.x;
        let is_marked = footer.illustrative && row.width > style.size * 4.0;
        if is_marked {
            let center = Point { x: left + style.size * 0.4, y: row.y + row.height / 2.0 };
            Mark::Illustrative.draw(self, center, style.size * 0.8, theme::CAPTION);
            left += style.size * 1.1;
        }
        let baseline = Tile::middle_baseline(row, style.size);
        let source_width = self.paint.text.width(&footer.source, style) + style.size * 0.6;
        let mut width = |time: &Label| self.paint.text.width(time.as_str(), style);
        let fits = left + source_width + width(&footer.time) <= row.right();
        let time = if fits { &footer.time } else { &footer.short_time };
        let time_width = width(time).min(row.right() - left);
        let due = footer.due.then(|| format!(" · {}", locale::text(self.paint.language, "due")));
        let due = due.map(|due| (self.paint.text.width(&due, style), Piece::words(due, style)));
        let due = due.filter(|(width, _)| left + source_width + time_width + width <= row.right());
        let (due_width, due) = due.unzip();
        // Where there is no room for the words, their shape says it.
        let mark = if footer.due && due.is_none() { style.size } else { 0.0 };
        let time_width = time_width + due_width.unwrap_or(0.0);
        let time = std::iter::once(Piece::label(time.clone(), style)).chain(due);
        self.pieces(time.collect(), row.right() - time_width, baseline, time_width * 1.01);
        if mark > 0.0 {
            let center = Point { x: row.right() - time_width - mark * 0.6, y: row.y + row.height / 2.0 };
            Mark::Stale.draw(self, center, style.size * 0.7, theme::CAPTION);
        }
        let width = row.right() - time_width - mark - style.size * 0.6 - left;
        if width > style.size * 2.0 {
            self.source(footer, style, (left, baseline), width);
        }
        is_marked
    }

    /// What stands in brackets is the first to go; that figures are made up is said in words where it fits.
    fn source(&mut self, footer: &Footer, style: Style, (left, baseline): (f32, f32), width: f32) {
        let mut source = footer.source.as_str();
        if self.paint.text.width(source, style) > width
            && let Some((name, _)) = source.split_once(" (")
        {
            source = name;
        }
        let with_words = format!("{source} · {}", locale::text(self.paint.language, "illustrative-short"));
        if footer.illustrative && self.paint.text.width(&with_words, style) <= width {
            source = &with_words;
        }
        let smallest = self.smallest();
        let fitted = self.paint.text.fit(source, style, width, smallest);
        if !fitted.text.is_empty() {
            self.piece(Piece::words(fitted.text, style.at(fitted.size)), left, baseline);
        }
    }

    /// Words in the middle of the free room, where figures would be.
    pub fn notice(&mut self, key: &str) {
        let words = locale::text(self.paint.language, key);
        let style = self.style(Font::Regular, TextClass::Body, theme::CAPTION);
        let smallest = self.smallest();
        let fitted = self.paint.text.fit(&words, style, self.room.width, smallest);
        let baseline = Tile::middle_baseline(self.room, fitted.size);
        if !fitted.text.is_empty() && self.room.height > fitted.size {
            self.piece(Piece::words(fitted.text, style.at(fitted.size)), self.room.x, baseline);
        }
    }

    /// The border of a tile that needs attention.
    pub fn attention_border(&mut self, severity: Severity) {
        if severity.is_abnormal() {
            let (rect, radius, border) =
                (self.paint.rect, self.px(theme::SPACING.radius), self.px(theme::SPACING.border));
            self.outline(rect, radius, border, severity.color().with_alpha(150));
        }
    }
}
