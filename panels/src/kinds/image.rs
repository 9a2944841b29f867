//! A picture of the catalogue: an emblem, a photograph, a drawing.

use std::sync::Arc;

use protocol::{Catalogue, ImageId, PanelSpec, Timestamp, ViewState};
use serde::Deserialize;

use crate::image::raster;
use crate::options::{parse, unknown};
use crate::scene::{Image, Item, Rect, Scene};
use crate::text::{BASELINE, Font};
use crate::theme::{self, TextClass};
use crate::tile::{Piece, Tile};
use crate::wording::Wording;
use crate::{Needs, OptionsError, Paint, Panel, locale};

/// The kind `image`.
pub struct ImagePanel;

/// How a picture fills a room of another shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fit {
    /// All of it is shown.
    #[default]
    Contain,
    /// All of the room is filled; what reaches beyond is cut off.
    Cover,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    image: ImageId,
    #[serde(default)]
    fit: Fit,
    #[serde(default)]
    title: Option<Wording>,
    /// Below the picture; who made it stands there too.
    #[serde(default)]
    caption: Option<Wording>,
}

impl Panel for ImagePanel {
    fn kind(&self) -> &'static str {
        "image"
    }

    fn needs(&self, spec: &PanelSpec, catalogue: &Catalogue, _: Rect) -> Result<Needs, OptionsError> {
        let options = parse::<Options>(spec)?;
        if !catalogue.images.contains_key(&options.image) {
            let known = catalogue.images.keys().map(ImageId::as_str);
            return Err(unknown("image", "image", options.image.as_str(), known));
        }
        Ok(Needs { images: vec![options.image], ..Needs::default() })
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let language = paint.language;
        let view = paint.view;
        let mut tile = Tile::new(paint, scene);
        if let Some(title) = &options.title {
            tile.title_row(title.in_language(language), None, false);
            tile.take_top(tile.px(10.0));
        }
        let Some(arranged) = view.arranged() else { return tile.notice("waiting") };
        let Some(image) = arranged.catalogue.images.get(&options.image) else { return };
        let caption = options.caption.as_ref().map(|caption| caption.in_language(language).to_owned());
        let credit = image.credit.as_ref().map(|credit| credit.in_language(language).to_owned());
        let below: Vec<String> = caption.into_iter().chain(credit).collect();
        if !below.is_empty() {
            caption_below(&mut tile, below.join(" · "));
        }
        draw(&mut tile, image, options.fit);
    }

    fn next_change(&self, _: &PanelSpec, _: &ViewState, _: Timestamp) -> Option<Timestamp> {
        None
    }
}

fn caption_below(tile: &mut Tile<'_, '_>, words: String) {
    let style = tile.style(Font::Regular, TextClass::Caption, theme::CAPTION);
    let strip = tile.take_bottom(style.line_height());
    let (x, baseline) = (strip.x, strip.y + BASELINE * style.size);
    tile.pieces(vec![Piece::words(words, style)], x, baseline, strip.width);
    tile.take_bottom(tile.px(10.0));
}

fn draw(tile: &mut Tile<'_, '_>, source: &Arc<protocol::Image>, fit: Fit) {
    let room = tile.room;
    if room.width < 1.0 || room.height < 1.0 {
        return;
    }
    let Some(raster) = raster(source) else {
        let style = tile.style(Font::Regular, TextClass::Body, theme::TEXT_3);
        let words = locale::text(tile.paint.language, "image-unreadable");
        tile.paragraph(&words, style, room);
        return;
    };
    let label = source.name.in_language(tile.paint.language).into();
    let (width, height) = (raster.width as f32, raster.height as f32);
    let scales = (room.width / width, room.height / height);
    let scale = match fit {
        Fit::Contain => scales.0.min(scales.1),
        Fit::Cover => scales.0.max(scales.1),
    };
    // What is shown of it, in its own pixels, and where.
    let part = Rect::new(0.0, 0.0, (room.width / scale).min(width), (room.height / scale).min(height));
    let part = Rect { x: (width - part.width) / 2.0, y: (height - part.height) / 2.0, ..part };
    let shown = (part.width * scale, part.height * scale);
    let (left, top) = (room.x + (room.width - shown.0) / 2.0, room.y + (room.height - shown.1) / 2.0);
    let rect = Rect::new(left, top, shown.0.min(room.width), shown.1.min(room.height));
    tile.put(Item::Image(Image { rect, part, label, source: Arc::clone(source), raster }));
}
