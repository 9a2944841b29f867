//! Labels looking for room: what is not normal first, then areas, then the rest.

use super::draw::{Placed, by_severity, middle};
use super::sign::Sign;
use super::tag::{Form, Tag};
use super::{FeatureShown, Shown};
use crate::facts::Severity;
use crate::map::{self, Coverage, Outline, Prepared, Room};
use crate::scene::{Point, Rect};
use crate::theme::{self, TextClass};
use crate::tile::Tile;

/// A label that has found its place.
struct Found<'m> {
    tag: Tag<'m>,
    form: Form,
    place: map::Placed,
}

/// The labels of a map.
pub(super) struct Board<'m> {
    map: &'m Prepared,
    coverages: Vec<&'m Coverage>,
    /// One for each frame.
    rooms: Vec<Room<'m>>,
    found: Vec<Found<'m>>,
    signs: Vec<(Sign, Severity, Point)>,
    /// Of a sign.
    side: f32,
}

/// A thing that wants a label.
struct Thing<'m> {
    tag: Tag<'m>,
    sign: Option<Sign>,
    frame: usize,
    at: Point,
}

impl<'m> Board<'m> {
    pub fn new(tile: &Tile<'_, '_>, map: &'m Prepared) -> Self {
        let gap = tile.px(5.0);
        let mut rooms: Vec<Room<'m>> = map.frames.iter().map(|frame| Room::new(frame.rect, &map.free, gap)).collect();
        if let Some((main, _)) = rooms.split_first_mut() {
            map.frames.iter().skip(1).for_each(|frame| main.block(frame.rect));
        }
        let coverages = map.outlines.iter().map(|outline| &outline.coverage).collect();
        let side = tile.em(TextClass::Body) * 0.85;
        Self { map, coverages, rooms, found: Vec::new(), signs: Vec::new(), side }
    }

    pub fn place(&mut self, tile: &mut Tile<'_, '_>, shown: &'m Shown<'m>, layers: &[Placed<'m>]) {
        let mut things = self.things(tile, layers);
        by_severity(&mut things, |thing| thing.tag.severity);
        let calm = things.partition_point(|thing| thing.tag.severity.is_abnormal());
        let calm = things.split_off(calm);
        things.into_iter().for_each(|thing| self.around(tile, thing));
        self.insets(tile, shown);
        self.areas(tile, shown);
        if self.map.is_schematic() {
            self.within_areas(tile, layers);
        }
        calm.into_iter().for_each(|thing| self.around(tile, thing));
    }

    /// What stands where it is; its sign takes room before any label does.
    fn things(&mut self, tile: &Tile<'_, '_>, layers: &[Placed<'m>]) -> Vec<Thing<'m>> {
        let mut things = Vec::new();
        for layer in layers {
            for (feature, drawn) in layer.shown.features.iter().zip(layer.drawn.iter()) {
                let Some(drawn) = drawn else { continue };
                let Some(at) = middle(&drawn.form) else { continue };
                let is_point = matches!(drawn.form, map::Form::Point(_));
                let sign = is_point.then_some(layer.shown.sign);
                if let Some(sign) = sign {
                    self.mark(sign, feature.severity, at, drawn.frame);
                }
                let tag = tag_of(feature, tile.paint.language);
                let tag = Tag { has_mark: tag.has_mark && !is_point, ..tag };
                things.push(Thing { tag, sign, frame: drawn.frame, at });
            }
        }
        things
    }

    fn mark(&mut self, sign: Sign, severity: Severity, at: Point, frame: usize) {
        self.signs.push((sign, severity, at));
        self.rooms[frame].block(Rect::new(at.x, at.y, 0.0, 0.0).inset_all(-self.side * 0.66));
    }

    fn around(&mut self, tile: &mut Tile<'_, '_>, thing: Thing<'m>) {
        let Thing { tag, sign, frame, at } = thing;
        let radius = if sign.is_some() { self.side * 0.66 } else { 0.0 };
        for form in [Form::STACKED, Form::IN_LINE, Form::STACKED.small(), Form::IN_LINE.small()] {
            let size = tag.size(tile, form);
            if let Some(place) = self.rooms[frame].around(&self.coverages, size, at, radius) {
                return self.keep(tag, form, frame, place);
            }
        }
        tag.name.into_iter().for_each(|name| tile.leave_out(name));
    }

    /// The names of insets that have some.
    fn insets(&mut self, tile: &mut Tile<'_, '_>, shown: &'m Shown<'m>) {
        for (frame, inset) in self.map.frames.iter().enumerate() {
            let named = inset.inset.and_then(|place| shown.map.insets.get(place)?.name.as_ref());
            let Some(name) = named else { continue };
            let tag = Tag::new(Some(name.in_language(tile.paint.language)), None, Severity::Normal);
            let size = tag.size(tile, Form::STACKED);
            match self.rooms[frame].inside(&self.map.free, size, self.bottom(frame)) {
                Some(place) => self.keep(tag, Form::STACKED, frame, place),
                None => tag.name.into_iter().for_each(|name| tile.leave_out(name)),
            }
        }
    }

    fn bottom(&self, frame: usize) -> Point {
        let rect = self.map.frames[frame].rect;
        Point { x: rect.middle().x, y: rect.bottom() }
    }

    /// Inside their areas where they fit; then in what room is left around.
    fn areas(&mut self, tile: &mut Tile<'_, '_>, shown: &'m Shown<'m>) {
        let map = self.map;
        let mut tagged: Vec<(&'m Outline, Tag<'m>)> =
            map.outlines.iter().filter_map(|outline| Some((outline, area_tag(shown, outline)?))).collect();
        by_severity(&mut tagged, |(_, tag)| tag.severity);
        tagged.retain(|(outline, tag)| !self.try_inside(tile, outline, tag, &[Form::STACKED, Form::IN_LINE]));
        for (outline, tag) in tagged {
            let small = [Form::STACKED.small(), Form::IN_LINE.small()];
            let is_placed = self.try_outside(tile, outline, &tag, &[Form::STACKED, Form::IN_LINE])
                || self.try_inside(tile, outline, &tag, &small)
                || self.try_outside(tile, outline, &tag, &small)
                || self.try_inside(tile, outline, &tag, &[Form::BARE, Form::BARE.small()]);
            if !is_placed {
                tag.name.into_iter().for_each(|name| tile.leave_out(name));
            }
        }
    }

    fn try_inside(&mut self, tile: &mut Tile<'_, '_>, outline: &'m Outline, tag: &Tag<'m>, forms: &[Form]) -> bool {
        forms.iter().any(|form| {
            let size = tag.size(tile, *form);
            let place = self.rooms[outline.frame].inside(&outline.coverage, size, outline.anchor);
            place.map(|place| self.keep(tag.clone(), *form, outline.frame, place)).is_some()
        })
    }

    fn try_outside(&mut self, tile: &mut Tile<'_, '_>, outline: &'m Outline, tag: &Tag<'m>, forms: &[Form]) -> bool {
        let frame = outline.frame;
        // In a frame of its own it is plain whose label it is.
        let is_alone = frame > 0 && self.map.outlines.iter().filter(|other| other.frame == frame).count() == 1;
        forms.iter().any(|form| {
            let size = tag.size(tile, *form);
            let place = match is_alone {
                true => self.rooms[frame].inside(&self.map.free, size, self.bottom(frame)),
                false => self.rooms[frame].outside(size, outline.anchor),
            };
            place.map(|place| self.keep(tag.clone(), *form, frame, place)).is_some()
        })
    }

    /// On a schematic map things stand in their areas, wherever there is room.
    fn within_areas(&mut self, tile: &mut Tile<'_, '_>, layers: &[Placed<'m>]) {
        let mut things: Vec<(&'m FeatureShown<'m>, Sign)> = layers
            .iter()
            .flat_map(|layer| layer.shown.features.iter().map(|feature| (feature, layer.shown.sign)))
            .collect();
        by_severity(&mut things, |(feature, _)| feature.severity);
        for (feature, sign) in things {
            let of = feature.feature.area.as_ref();
            let outline = self.map.outlines.iter().find(|outline| Some(&outline.area) == of);
            if outline.is_none_or(|outline| !self.within(tile, feature, sign, outline)) {
                tile.leave_out(feature.name);
            }
        }
    }

    /// The sign with its label on the right; else the sign alone, and its label where it finds room.
    fn within(
        &mut self,
        tile: &mut Tile<'_, '_>,
        feature: &'m FeatureShown<'m>,
        sign: Sign,
        outline: &'m Outline,
    ) -> bool {
        let tag = Tag { has_mark: false, ..tag_of(feature, tile.paint.language) };
        let (frame, side) = (outline.frame, self.side * 1.32);
        for form in [Form::STACKED, Form::IN_LINE, Form::STACKED.small(), Form::IN_LINE.small()] {
            let (width, height) = tag.size(tile, form);
            let whole = (width + side, height.max(side));
            let Some(place) = self.rooms[frame].inside(&outline.coverage, whole, outline.anchor) else { continue };
            let at = Point { x: place.rect.x + side / 2.0, y: place.rect.middle().y };
            let rect = Rect::new(place.rect.x + side, at.y - height / 2.0, width, height);
            self.mark(sign, feature.severity, at, frame);
            self.keep(tag, form, frame, map::Placed { rect, leader: None });
            return true;
        }
        let Some(place) = self.rooms[frame].inside(&outline.coverage, (side, side), outline.anchor) else {
            return false;
        };
        let at = place.rect.middle();
        self.mark(sign, feature.severity, at, frame);
        self.around(tile, Thing { tag, sign: Some(sign), frame, at });
        true
    }

    fn keep(&mut self, tag: Tag<'m>, form: Form, frame: usize, place: map::Placed) {
        self.rooms[frame].take(&place);
        self.found.push(Found { tag, form, place });
    }

    /// Lines first, so that none runs over a sign or a word.
    pub fn draw(self, tile: &mut Tile<'_, '_>) {
        for [from, to] in self.found.iter().filter_map(|found| found.place.leader) {
            // Seen on light areas too.
            tile.line(vec![from, to], tile.px(6.0), theme::PANEL);
            tile.disc(to, tile.px(7.0), theme::PANEL);
            tile.line(vec![from, to], tile.px(2.5), theme::TEXT_3);
            tile.disc(to, tile.px(4.5), theme::TEXT_3);
        }
        for (sign, severity, at) in self.signs {
            sign.draw(tile, severity, at, self.side);
        }
        for Found { tag, form, place } in self.found {
            tag.draw(tile, form, place.rect);
        }
    }
}

fn tag_of<'m>(feature: &'m FeatureShown<'m>, language: &str) -> Tag<'m> {
    let reading = feature.reading.as_ref();
    let figure = reading.map(|reading| Tag::figure(reading.figure.clone()));
    // Things of one layer may be told in different units.
    let unit = reading.filter(|reading| reading.figure.is_some()).map(|it| it.indicator.unit.in_language(language));
    let unit = unit.filter(|unit| !unit.trim().is_empty());
    Tag { unit, ..Tag::new(Some(feature.name), figure, feature.severity) }
}

/// `None` where nothing is to be written.
fn area_tag<'m>(shown: &'m Shown<'m>, outline: &Outline) -> Option<Tag<'m>> {
    let labels = shown.options.labels();
    let area = shown.areas.iter().find(|area| area.area.id == outline.area)?;
    let reading = area.reading.as_ref();
    let figure = reading.filter(|_| labels.has_figures()).map(|reading| Tag::figure(reading.figure.clone()));
    let severity = reading.map_or(Severity::Normal, |reading| reading.severity);
    let tag = Tag::new(Some(area.name).filter(|_| labels.has_names()), figure, severity);
    (!tag.is_empty()).then_some(tag)
}
