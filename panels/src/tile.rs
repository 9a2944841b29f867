//! A tile being painted: room that is taken bit by bit, and the pieces that tiles share.

use std::sync::Arc;

use crate::Paint;
use crate::label::Label;
use crate::map::Tessellated;
use crate::paint::Strip;
use crate::provenance::Figure;
use crate::scene::{Disc, Item, Point, Polygon, Polyline, Quad, Rect, Scene, TextContent};
use crate::text::{BASELINE, CAP_HEIGHT, Font, Style};
use crate::theme::{Color, SPACING, TextClass, TypeSizes};

/// Paints into one tile. What has no room in it is left out: nothing is ever drawn outside.
pub(crate) struct Tile<'p, 'a> {
    pub paint: &'p mut Paint<'a>,
    scene: &'p mut Scene,
    sizes: TypeSizes,
    /// What is still free, within the padding.
    pub room: Rect,
}

/// Where painting stood.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checkpoint {
    items: usize,
    left_out: usize,
    room: Rect,
}

/// One piece of a line of text.
pub(crate) struct Piece {
    pub content: TextContent,
    pub style: Style,
}

impl Piece {
    pub fn words(text: impl Into<Arc<str>>, style: Style) -> Self {
        Self { content: TextContent::Words(text.into()), style }
    }
    pub fn state(text: impl Into<Arc<str>>, style: Style) -> Self {
        Self { content: TextContent::State(text.into()), style }
    }
    pub fn label(label: Label, style: Style) -> Self {
        Self { content: TextContent::Label(label), style }
    }
    pub fn figure(figure: Figure, style: Style) -> Self {
        Self { content: TextContent::Figure(figure), style }
    }
}

/// Height of the strip that names the mode, in reference pixels.
const MODE_STRIP: f32 = 40.0;

impl<'p, 'a> Tile<'p, 'a> {
    pub fn new(paint: &'p mut Paint<'a>, scene: &'p mut Scene) -> Self {
        let strip = if Strip::of(paint).is_some() { MODE_STRIP * paint.scale } else { 0.0 };
        let mut tile = Self::unmarked(paint, scene);
        tile.room.height = (tile.room.height - strip).max(0.0);
        tile
    }

    /// Without room for the strip that says what the picture is.
    pub fn unmarked(paint: &'p mut Paint<'a>, scene: &'p mut Scene) -> Self {
        let room = paint.rect.inset(SPACING.padding_x * paint.scale, SPACING.padding_y * paint.scale);
        let sizes = paint.type_sizes();
        Self { paint, scene, sizes, room }
    }

    /// Where painting stands, to come back to.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint { items: self.scene.items.len(), left_out: self.scene.left_out.len(), room: self.room }
    }

    /// Forgets what was painted since.
    pub fn rewind(&mut self, to: Checkpoint) {
        self.scene.items.truncate(to.items);
        self.scene.left_out.truncate(to.left_out);
        if self.scene.flashing.end > to.items {
            self.scene.flashing = 0..0;
        }
        self.room = to.room;
    }

    /// The scene, for charts.
    pub fn scene(&mut self) -> &mut Scene {
        self.scene
    }

    /// Text of a class at its size.
    pub fn style(&self, font: Font, class: TextClass, color: Color) -> Style {
        Style::new(font, class, self.em(class), color)
    }

    /// The size of a class of text in canvas pixels.
    pub fn em(&self, class: TextClass) -> f32 {
        self.sizes.em(class)
    }

    /// Canvas pixels of a length in reference pixels.
    pub fn px(&self, reference: f32) -> f32 {
        reference * self.paint.scale
    }

    /// The smallest legible size in canvas pixels.
    pub fn smallest(&self) -> f32 {
        self.sizes.smallest()
    }

    /// Takes a strip off the top of the room; less if there is less.
    pub fn take_top(&mut self, height: f32) -> Rect {
        let height = height.clamp(0.0, self.room.height);
        let strip = Rect { height, ..self.room };
        self.room.y += height;
        self.room.height -= height;
        strip
    }

    /// Takes a strip off the bottom of the room; less if there is less.
    pub fn take_bottom(&mut self, height: f32) -> Rect {
        let height = height.clamp(0.0, self.room.height);
        self.room.height -= height;
        Rect { y: self.room.bottom(), height, ..self.room }
    }

    /// Adds an item if it lies within the tile.
    pub fn put(&mut self, item: Item) -> bool {
        let inside = self.paint.rect.contains(&item.bounds());
        match item {
            item if inside => self.scene.items.push(item),
            Item::Text(run) => self.scene.left_out.push(run.content.as_str().into()),
            _ => {}
        }
        inside
    }

    /// Says that words had no room.
    pub fn leave_out(&mut self, words: &str) {
        self.scene.left_out.push(words.into());
    }

    /// A filled polygon of triangles.
    pub fn polygon(&mut self, shape: &Tessellated, fill: Color) {
        let Tessellated { points, triangles, ring_ends } = shape.clone();
        self.put(Item::Polygon(Polygon { points, triangles, ring_ends, fill }));
    }

    /// A plain rounded rectangle.
    pub fn plate(&mut self, rect: Rect, radius: f32, fill: Color) {
        self.put(Item::Quad(Quad { rect, radius, fill, border: Color::TRANSPARENT, border_width: 0.0 }));
    }

    /// The inner border of a rounded rectangle.
    pub fn outline(&mut self, rect: Rect, radius: f32, border_width: f32, border: Color) {
        self.put(Item::Quad(Quad { rect, radius, fill: Color::TRANSPARENT, border, border_width }));
    }

    pub fn line(&mut self, points: Vec<Point>, width: f32, color: Color) {
        self.dashed_line(points, width, color, None);
    }

    /// Lengths of dash and gap in canvas pixels.
    pub fn dashed_line(&mut self, points: Vec<Point>, width: f32, color: Color, dash: Option<(f32, f32)>) {
        self.put(Item::Polyline(Polyline { points, width, color, dash }));
    }

    pub fn disc(&mut self, center: Point, radius: f32, fill: Color) {
        self.put(Item::Disc(Disc { center, radius, fill }));
    }

    /// Lets what is drawn come and go. One thing flashes in a tile at most: the first.
    pub fn flash(&mut self, draw: impl FnOnce(&mut Self)) {
        let start = self.scene.items.len();
        draw(self);
        if self.scene.flashing.is_empty() {
            self.scene.flashing = start..self.scene.items.len();
        }
    }

    /// A convex shape.
    pub fn shape(&mut self, points: Vec<Point>, fill: Color) {
        let corners = u32::try_from(points.len()).unwrap_or(0);
        let triangles = (2..corners).flat_map(|corner| [0, corner - 1, corner]).collect();
        self.put(Item::Polygon(Polygon { points, triangles, ring_ends: vec![corners], fill }));
    }

    /// Draws one piece with its pen at `x` on the baseline; gives where the pen ends.
    pub fn piece(&mut self, piece: Piece, x: f32, baseline: f32) -> f32 {
        let run = self.paint.text.run(piece.content, piece.style, x, baseline);
        let end = run.bounds.right();
        self.put(Item::Text(run));
        end
    }

    /// The width of pieces side by side.
    pub fn width(&mut self, pieces: &[Piece]) -> f32 {
        pieces.iter().map(|piece| self.paint.text.width(piece.content.as_str(), piece.style)).sum()
    }

    /// Draws pieces side by side, all smaller if they are wider than `width`, words shortened when that
    /// would make them illegible. Gives where the pen ends.
    pub fn pieces(&mut self, mut pieces: Vec<Piece>, x: f32, baseline: f32, width: f32) -> f32 {
        let smallest = self.smallest();
        let total = self.width(&pieces);
        if total > width {
            let largest = pieces.iter().map(|piece| piece.style.size).fold(smallest, f32::max);
            let factor = (width / total).max(smallest / largest).min(1.0) * 0.999;
            for piece in &mut pieces {
                piece.style.size *= factor;
            }
        }
        let (mut pen, end) = (x, x + width);
        for piece in pieces {
            pen = self.piece_within(piece, pen, baseline, end - pen);
        }
        pen
    }

    /// Draws pieces side by side; where they are too wide, the longest words give way and figures stay as they are.
    pub fn pieces_keeping_figures(&mut self, mut pieces: Vec<Piece>, x: f32, baseline: f32, width: f32) -> f32 {
        let excess = self.width(&pieces) - width;
        let is_words = |piece: &&mut Piece| matches!(piece.content, TextContent::Words(_));
        let longest = pieces.iter_mut().filter(is_words).max_by_key(|piece| piece.content.as_str().len());
        if excess > 0.0
            && let Some(piece) = longest
        {
            let text = piece.content.as_str();
            let room = (self.paint.text.width(text, piece.style) - excess).max(0.0);
            piece.content = TextContent::Words(self.paint.text.shorten(text, piece.style, room).into());
        }
        self.pieces(pieces, x, baseline, width)
    }

    /// Words are shortened to the width; a number is made smaller, since a cut one would mislead.
    fn piece_within(&mut self, mut piece: Piece, x: f32, baseline: f32, width: f32) -> f32 {
        if self.paint.text.width(piece.content.as_str(), piece.style) > width {
            match &mut piece.content {
                TextContent::Words(words) => *words = self.paint.text.shorten(words, piece.style, width).into(),
                other => piece.style.size = self.paint.text.size_for(other.as_str(), piece.style, width),
            }
        }
        if piece.content.as_str().is_empty() || piece.style.size <= 0.0 {
            return x;
        }
        self.piece(piece, x, baseline)
    }

    /// Draws a piece in the middle of the width of `room`.
    pub fn centred(&mut self, piece: Piece, room: Rect, baseline: f32) {
        let width = self.width(std::slice::from_ref(&piece));
        self.pieces(vec![piece], room.x + (room.width - width).max(0.0) / 2.0, baseline, room.width);
    }

    /// Wraps words into `room`; gives the height used.
    pub fn paragraph(&mut self, text: &str, style: Style, room: Rect) -> f32 {
        let smallest = self.smallest().min(style.size);
        let fitted = self.paint.text.fit_lines(text, style, (room.width, room.height), smallest);
        let style = style.at(fitted.size);
        let used = fitted.lines.len() as f32 * style.line_height();
        for (index, line) in fitted.lines.into_iter().enumerate() {
            let baseline = room.y + index as f32 * style.line_height() + BASELINE * style.size;
            if !line.is_empty() {
                self.piece(Piece::words(line, style), room.x, baseline);
            }
        }
        used
    }

    /// Where the baseline lies when capitals of `size` stand in the middle of `strip`.
    pub fn middle_baseline(strip: Rect, size: f32) -> f32 {
        strip.y + strip.height / 2.0 + CAP_HEIGHT * size / 2.0
    }

    /// The coloured strip at the bottom of a tile that does not show the present.
    pub fn mode_strip(&mut self, words: &str, ink: Color, plate: Color) {
        let rect = self.paint.rect;
        let height = self.px(MODE_STRIP);
        let inner = rect.inset(self.px(SPACING.padding_x), self.px(8.0));
        let strip = Rect::new(inner.x, inner.bottom() - height, inner.width, height);
        let style = self.style(Font::Bold, TextClass::Caption, ink);
        let fitted = self.paint.text.fit(words, style, (strip.width - height).max(0.0), self.smallest());
        let width = self.paint.text.width(&fitted.text, style.at(fitted.size)) + height;
        self.plate(Rect { width, ..strip }, height / 2.0, plate);
        let baseline = Self::middle_baseline(strip, fitted.size);
        self.piece(Piece::words(fitted.text, style.at(fitted.size)), strip.x + height / 2.0, baseline);
    }
}
