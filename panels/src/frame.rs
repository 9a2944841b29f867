//! What tiles share around their content: title with pill, and the footer with source and time.

use protocol::{Catalogue, Indicator, SourceId, Timestamp};

use crate::facts::{self, Severity};
use crate::locale;
use crate::marks::Mark;
use crate::provenance::Label;
use crate::scene::{Point, Rect};
use crate::text::{CAP_HEIGHT, Font, LINE_HEIGHT, Style};
use crate::theme::{self, Color, TYPE};
use crate::tile::{Piece, Tile};

/// A short remark on a plate, with a shape.
pub(crate) struct Pill {
    pub mark: Mark,
    pub words: String,
    pub ink: Color,
    pub plate: Color,
}

impl Pill {
    /// What there is to say of a severity; nothing when all is normal.
    pub fn at(severity: Severity, at: Timestamp, now: Timestamp, language: &str) -> Option<Self> {
        let words = match severity {
            Severity::Normal => return None,
            Severity::Stale => facts::age(at, now, language),
            Severity::BehindPlan => locale::text(language, "behind-plan"),
            Severity::Warning => locale::text(language, "needs-attention"),
            Severity::Critical => locale::text(language, "critical"),
        };
        let (ink, plate) = severity.pill();
        Some(Self { mark: severity.mark()?, words, ink, plate })
    }
}

/// Who says so, and as of when.
pub(crate) struct Footer {
    pub source: String,
    pub time: String,
    pub illustrative: bool,
}

impl Footer {
    /// Of a tile about one indicator.
    pub fn at(
        catalogue: &Catalogue,
        indicator: &Indicator,
        (source, at): (&SourceId, Timestamp),
        tile: &Tile<'_, '_>,
    ) -> Self {
        let language = tile.paint.language;
        let source = source_name(catalogue, indicator, source, language);
        let time = facts::as_of(indicator, at, tile.paint.now, language, tile.is_narrow());
        Self { source, time, illustrative: false }
    }
}

/// The name of the source; of the owner where the source is not known.
fn source_name(catalogue: &Catalogue, indicator: &Indicator, source: &SourceId, language: &str) -> String {
    if let Some(source) = catalogue.sources.get(source) {
        return source.name.in_language(language).to_owned();
    }
    match catalogue.agencies.get(&indicator.owner) {
        Some(agency) => agency.short.as_ref().unwrap_or(&agency.name).in_language(language).to_owned(),
        None => source.to_string(),
    }
}

impl Tile<'_, '_> {
    /// Whether there is only room for short forms.
    pub fn is_narrow(&self) -> bool {
        self.room.width < self.px(560.0)
    }

    /// Title on the left, pill on the right, below one another where both would be illegible.
    pub fn title_row(&mut self, title: &str, pill: Option<Pill>) {
        let style = self.style(Font::SemiBold, TYPE.title, theme::TEXT_2);
        let pill_width = pill.as_ref().map_or(0.0, |pill| self.pill_width(pill) + self.px(16.0));
        let least = style.at(self.smallest());
        let beside = self.paint.text.width(title, least) <= self.room.width - pill_width;
        let width = if beside { self.room.width - pill_width } else { self.room.width };
        let top = Rect { width, ..self.room };
        let used = self.title(title, style, top);
        let row = self.take_top(used);
        let Some(pill) = pill else { return };
        let height = self.px(TYPE.caption * 1.5);
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

    fn pill_style(&self, ink: Color) -> Style {
        self.style(Font::SemiBold, TYPE.caption, ink)
    }

    fn pill_width(&mut self, pill: &Pill) -> f32 {
        let style = self.pill_style(pill.ink);
        self.paint.text.width(&pill.words, style) + style.size * 2.1
    }

    /// With its left edge at `x`, around the height `middle`.
    pub fn pill(&mut self, pill: Pill, x: f32, middle: f32) {
        let style = self.pill_style(pill.ink);
        let height = style.size * 1.5;
        let width = self.pill_width(&pill).min(self.paint.rect.right() - x).max(0.0);
        self.plate(Rect::new(x, middle - height / 2.0, width, height), height * 0.22, pill.plate);
        pill.mark.draw(self, Point { x: x + style.size * 0.9, y: middle }, style.size * 0.72, pill.ink);
        let baseline = middle + CAP_HEIGHT * style.size / 2.0;
        let left = x + style.size * 1.5;
        self.pieces(
            vec![Piece::label(Label::time(pill.words), style)],
            left,
            baseline,
            (x + width - style.size * 0.4 - left).max(0.0),
        );
    }

    /// Source on the left, time on the right, at the bottom of the room.
    pub fn footer(&mut self, footer: &Footer) {
        let style = self.style(Font::Regular, TYPE.caption, theme::CAPTION);
        let row = self.take_bottom(style.line_height());
        if row.height < style.line_height() * 0.99 {
            return;
        }
        let baseline = Tile::middle_baseline(row, style.size);
        let time_width = self.paint.text.width(&footer.time, style).min(row.width);
        let gap = style.size * 0.6;
        self.pieces(
            vec![Piece::label(Label::time(footer.time.as_str()), style)],
            row.right() - time_width,
            baseline,
            time_width * 1.01,
        );
        let (mut left, end) = (row.x, row.right() - time_width - gap);
        if footer.illustrative && end - left > style.size {
            Mark::Illustrative.draw(
                self,
                Point { x: left + style.size * 0.4, y: row.y + row.height / 2.0 },
                style.size * 0.8,
                theme::CAPTION,
            );
            left += style.size * 1.1;
        }
        let mut source = footer.source.clone();
        if self.paint.text.width(&source, style) > end - left
            && let Some((name, _)) = source.split_once(" (")
        {
            // What stands in brackets is the first to go.
            source = name.to_owned();
        }
        if footer.illustrative {
            let with_words = format!("{source} · {}", locale::text(self.paint.language, "illustrative-short"));
            if self.paint.text.width(&with_words, style) <= end - left {
                source = with_words;
            }
        }
        if end - left > style.size * 2.0 {
            let smallest = self.smallest();
            let fitted = self.paint.text.fit(&source, style, end - left, smallest);
            if !fitted.text.is_empty() {
                self.piece(Piece::words(fitted.text, style.at(fitted.size)), left, baseline);
            }
        }
    }

    /// Words in the middle of the free room, where figures would be.
    pub fn notice(&mut self, key: &str) {
        let words = locale::text(self.paint.language, key);
        let style = self.style(Font::Regular, TYPE.body, theme::CAPTION);
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
