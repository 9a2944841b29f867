//! From one arrangement to the next: panels that both have move, all others fade.

use panels::Rect;
use protocol::{PanelSpec, Timestamp};

/// How long it takes.
pub const DURATION_MICROS: i64 = 400_000;
/// From picture to picture meanwhile: 60 a second.
const STEP_MICROS: i64 = 16_667;

/// A panel and where it stands, in canvas pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    pub spec: PanelSpec,
    pub rect: Rect,
}

/// A rectangle of the canvas that shows a part of the picture before and of the picture after.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sprite {
    pub rect: Rect,
    /// Its part of the picture before.
    pub before: Rect,
    /// Its part of the picture after.
    pub after: Rect,
    /// 0 shows the picture before, 1 the one after.
    pub mix: f32,
    pub opacity: f32,
}

/// What fades and what moves, from a moment on.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// Server time, so that all displays of a wall show the same.
    began: Timestamp,
    leaving: Vec<Rect>,
    coming: Vec<Rect>,
    /// From where, to where; the same place where one picture goes over into another.
    moving: Vec<(Rect, Rect)>,
}

impl Transition {
    /// Between two arrangements; `None` when every panel stays where it is.
    #[must_use]
    pub fn between(began: Timestamp, before: &[Spot], after: &[Spot]) -> Option<Self> {
        let mut rest: Vec<&Spot> = before.iter().collect();
        let (mut coming, mut moving) = (Vec::new(), Vec::new());
        for spot in after {
            match rest.iter().position(|old| is_same(&old.spec, &spot.spec)) {
                Some(index) => moving.push((rest.swap_remove(index).rect, spot.rect)),
                None => coming.push(spot.rect),
            }
        }
        let is_same_all = coming.is_empty();
        // What takes the place of another mixes with it: fading both would darken it meanwhile.
        coming.retain(|place| match rest.iter().position(|old| old.rect == *place) {
            Some(index) => {
                moving.push((rest.swap_remove(index).rect, *place));
                false
            }
            None => true,
        });
        let stays = is_same_all && rest.is_empty() && moving.iter().all(|(from, to)| from == to);
        // What grows passes over what does not.
        moving.sort_by(|a, b| a.1.area().total_cmp(&b.1.area()));
        let leaving: Vec<_> = rest.iter().map(|spot| spot.rect).collect();
        (!stays).then_some(Self { began, leaving, coming, moving })
    }

    /// From a picture in which panels were still on their way.
    #[must_use]
    pub fn from_picture(began: Timestamp, canvas: Rect) -> Self {
        Self { began, leaving: Vec::new(), coming: Vec::new(), moving: vec![(canvas, canvas)] }
    }

    /// How many sprites it has at every moment.
    #[must_use]
    pub fn sprite_count(&self) -> usize {
        self.leaving.len() + self.coming.len() + self.moving.len()
    }

    /// What to draw at a moment, in painting order; `None` when it is over.
    #[must_use]
    pub fn sprites(&self, now: Timestamp) -> Option<Vec<Sprite>> {
        let elapsed = now.since(self.began);
        // A clock that was set back must not leave panels half-way.
        if !(-DURATION_MICROS..DURATION_MICROS).contains(&elapsed) {
            return None;
        }
        let share = ease((elapsed.max(0) as f64 / DURATION_MICROS as f64) as f32);
        let still = |rect: Rect, mix, opacity| Sprite { rect, before: rect, after: rect, mix, opacity };
        let leaving = self.leaving.iter().map(|rect| still(*rect, 0.0, 1.0 - share));
        let coming = self.coming.iter().map(|rect| still(*rect, 1.0, share));
        let moving = self.moving.iter().map(|&(before, after)| Sprite {
            rect: between(before, after, share),
            before,
            after,
            mix: share,
            opacity: 1.0,
        });
        Some(leaving.chain(coming).chain(moving).collect())
    }

    /// When the next picture of it is due; server time.
    #[must_use]
    pub fn next_step(&self, now: Timestamp) -> Timestamp {
        let steps = now.since(self.began).div_euclid(STEP_MICROS).max(0) + 1;
        self.began.plus_micros((steps * STEP_MICROS).min(DURATION_MICROS)).max(now.plus_micros(1))
    }
}

/// Whether they show the same, wherever they stand.
fn is_same(one: &PanelSpec, other: &PanelSpec) -> bool {
    one.kind == other.kind && one.options == other.options
}

/// Slow at both ends.
fn ease(share: f32) -> f32 {
    share * share * (3.0 - 2.0 * share)
}

fn between(from: Rect, to: Rect, share: f32) -> Rect {
    let at = |from: f32, to: f32| from + (to - from) * share;
    Rect::new(at(from.x, to.x), at(from.y, to.y), at(from.width, to.width), at(from.height, to.height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Place;

    const BEGAN: Timestamp = Timestamp(1_000_000);

    fn spot(kind: &str, x: f32, width: f32) -> Spot {
        let place = Place::cells(0, 0, 1, 1);
        let spec = PanelSpec { id: "p".into(), kind: kind.into(), place, options: serde_json::Map::new() };
        Spot { spec, rect: Rect::new(x, 0.0, width, 100.0) }
    }

    fn at(transition: &Transition, micros: i64) -> Option<Vec<Sprite>> {
        transition.sprites(BEGAN.plus_micros(micros))
    }

    #[test]
    fn what_both_have_moves_and_the_rest_fades() {
        let before = [spot("header", 0.0, 400.0), spot("value", 0.0, 100.0), spot("map", 100.0, 100.0)];
        let after = [spot("header", 0.0, 400.0), spot("map", 0.0, 300.0), spot("text", 300.0, 100.0)];
        let transition = Transition::between(BEGAN, &before, &after).unwrap();
        let half = at(&transition, DURATION_MICROS / 2).unwrap();
        assert_eq!(half.len(), transition.sprite_count());
        let told: Vec<_> =
            half.iter().map(|sprite| (sprite.rect.x, sprite.rect.width, sprite.mix, sprite.opacity)).collect();
        assert_eq!(
            told,
            [(0.0, 100.0, 0.0, 0.5), (300.0, 100.0, 1.0, 0.5), (50.0, 200.0, 0.5, 1.0), (0.0, 400.0, 0.5, 1.0)]
        );
    }

    #[test]
    fn it_begins_with_the_picture_before_and_ends_with_the_one_after() {
        let transition = Transition::between(BEGAN, &[spot("map", 0.0, 100.0)], &[spot("map", 60.0, 200.0)]).unwrap();
        let first = at(&transition, 0).unwrap()[0];
        assert_eq!((first.rect, first.mix), (first.before, 0.0));
        let last = at(&transition, DURATION_MICROS - 1).unwrap()[0];
        assert!((last.rect.x - 60.0).abs() < 0.01 && last.mix > 0.999, "{last:?}");
        assert_eq!(at(&transition, DURATION_MICROS), None);
        assert_eq!(at(&transition, -1), at(&transition, 0), "drawn ahead of its moment");
        assert_eq!(at(&transition, -2 * DURATION_MICROS), None, "the clock was set back");
    }

    #[test]
    fn what_takes_the_place_of_another_mixes_with_it() {
        let mixed = |transition: Transition| {
            let sprites = at(&transition, DURATION_MICROS / 2).unwrap();
            sprites.iter().map(|sprite| (sprite.rect, sprite.mix, sprite.opacity)).collect::<Vec<_>>()
        };
        let place = Rect::new(0.0, 0.0, 100.0, 100.0);
        let transition = Transition::between(BEGAN, &[spot("map", 0.0, 100.0)], &[spot("text", 0.0, 100.0)]).unwrap();
        assert_eq!(mixed(transition), [(place, 0.5, 1.0)]);
        assert_eq!(mixed(Transition::from_picture(BEGAN, place)), [(place, 0.5, 1.0)]);
    }

    #[test]
    fn panels_that_stay_where_they_are_are_no_transition() {
        let same = [spot("header", 0.0, 400.0), spot("map", 0.0, 100.0)];
        assert_eq!(Transition::between(BEGAN, &same, &same), None);
    }

    #[test]
    fn pictures_are_due_sixty_times_a_second_and_at_the_end() {
        let transition = Transition::between(BEGAN, &[], &[spot("map", 0.0, 100.0)]).unwrap();
        let (mut now, mut count) = (BEGAN, 0);
        while transition.sprites(now).is_some() {
            now = transition.next_step(now);
            count += 1;
        }
        assert_eq!((now.since(BEGAN), count), (DURATION_MICROS, 24));
    }
}
