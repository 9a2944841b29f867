//! Where two scenes of a tile look different: only there pixels are drawn again.

use panels::Rect;
use panels::scene::{Item, Scene};

/// Each rectangle costs a pass over the tile's geometry.
const MOST_RECTS: usize = 4;
/// What is left of a tile when so much of it has changed is not worth sparing.
const NEARLY_WHOLE: f32 = 0.7;

/// The rectangles in which `after` may look different from `before`; none when they are the same.
#[must_use]
pub fn between(before: &Scene, after: &Scene, tile: Rect) -> Vec<Rect> {
    let (old, new) = (&before.items[..], &after.items[..]);
    let shorter = old.len().min(new.len());
    let from = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let same_end = old.iter().rev().zip(new.iter().rev()).take(shorter - from);
    let end = same_end.take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[from..old.len() - end], &new[from..new.len() - end]);
    // What lies above one another is drawn again in its order, so that items in the same place can be compared alone.
    let is_aligned = old.len() == new.len();
    let stays = |index: usize| is_aligned && old[index] == new[index];
    let both = old.iter().enumerate().chain(new.iter().enumerate());
    let inked = both.filter(|(index, _)| !stays(*index)).filter_map(|(_, item)| pixels(item, tile));
    merged(inked.collect(), tile)
}

/// No two of them overlap, and there are few.
#[must_use]
pub fn merged(mut rects: Vec<Rect>, tile: Rect) -> Vec<Rect> {
    let mut merged: Vec<Rect> = Vec::with_capacity(MOST_RECTS);
    while let Some(mut rect) = rects.pop() {
        while let Some(index) = merged.iter().position(|other| other.overlaps(&rect)) {
            rect = rect.union(&merged.swap_remove(index));
        }
        merged.push(rect);
        if merged.len() > MOST_RECTS {
            rects.push(join_nearest(&mut merged));
        }
    }
    let area: f32 = merged.iter().map(Rect::area).sum();
    if area >= NEARLY_WHOLE * tile.area() { vec![tile] } else { merged }
}

/// Takes out the two whose union adds least, and gives that.
fn join_nearest(rects: &mut Vec<Rect>) -> Rect {
    let pairs = (0..rects.len()).flat_map(|one| (0..one).map(move |other| (one, other)));
    let added = |(one, other): &(usize, usize)| {
        let (one, other) = (rects[*one], rects[*other]);
        one.union(&other).area() - one.area() - other.area()
    };
    let (one, other) = pairs.min_by(|a, b| added(a).total_cmp(&added(b))).unwrap_or((1, 0));
    let one = rects.swap_remove(one);
    one.union(&rects.swap_remove(other))
}

/// What an item may colour; `None` when nobody knows.
#[must_use]
pub fn ink(item: &Item) -> Option<Rect> {
    // Edges are softened over a pixel; marks of letters may reach beyond their line.
    let beyond = match item {
        Item::Text(run) => 2.0 + 0.4 * run.size,
        _ => 2.0,
    };
    let bounds = item.bounds().inset_all(-beyond);
    bounds.sides().iter().all(|side| side.is_finite()).then_some(bounds)
}

/// The whole pixels of a tile that an item may colour; `None` when it colours none of them.
fn pixels(item: &Item, tile: Rect) -> Option<Rect> {
    let Some(bounds) = ink(item) else { return Some(tile) };
    let (left, top) = (bounds.x.floor().max(tile.x), bounds.y.floor().max(tile.y));
    let (right, bottom) = (bounds.right().ceil().min(tile.right()), bounds.bottom().ceil().min(tile.bottom()));
    (left < right && top < bottom).then(|| Rect::new(left, top, right - left, bottom - top))
}

#[cfg(test)]
mod tests {
    use super::*;
    use panels::scene::Quad;
    use panels::theme::Color;

    const TILE: Rect = Rect::new(0.0, 0.0, 1000.0, 1000.0);

    fn quad(x: f32, y: f32) -> Item {
        let rect = Rect::new(x, y, 10.0, 10.0);
        Item::Quad(Quad { rect, radius: 0.0, fill: Color::rgb(0), border: Color::TRANSPARENT, border_width: 0.0 })
    }

    fn scene(places: &[(f32, f32)]) -> Scene {
        Scene::from(places.iter().map(|&(x, y)| quad(x, y)).collect::<Vec<_>>())
    }

    fn around(x: f32, y: f32) -> Rect {
        Rect::new(x - 2.0, y - 2.0, 14.0, 14.0)
    }

    #[test]
    fn only_what_differs_is_drawn_again() {
        let before = scene(&[(10.0, 10.0), (100.0, 100.0), (500.0, 500.0)]);
        for (after, meant) in [
            (before.clone(), vec![]),
            (scene(&[(10.0, 10.0), (800.0, 800.0), (500.0, 500.0)]), vec![around(100.0, 100.0), around(800.0, 800.0)]),
            (scene(&[(10.0, 10.0), (500.0, 500.0)]), vec![around(100.0, 100.0)]),
            (scene(&[(10.0, 10.0), (100.0, 100.0), (300.0, 300.0), (500.0, 500.0)]), vec![around(300.0, 300.0)]),
        ] {
            let mut found = between(&before, &after, TILE);
            found.sort_by(|a, b| a.x.total_cmp(&b.x));
            assert_eq!(found, meant);
        }
    }

    #[test]
    fn many_become_few_and_nearly_all_becomes_the_tile() {
        let places: Vec<(f32, f32)> =
            (0..40_u8).map(|index| (f32::from(index) * 24.0, f32::from(index % 2) * 60.0)).collect();
        let few = between(&Scene::default(), &scene(&places), TILE);
        assert!(few.len() <= MOST_RECTS, "{few:?}");
        assert!(few.iter().enumerate().all(|(index, one)| few[..index].iter().all(|other| !one.overlaps(other))));
        let covered = |x: f32, y: f32| few.iter().any(|rect| rect.contains(&Rect::new(x, y, 10.0, 10.0)));
        assert!(places.iter().all(|&(x, y)| covered(x, y)), "{few:?}");
        assert_eq!(between(&scene(&[(0.0, 0.0)]), &scene(&[(980.0, 980.0)]), Rect::new(0.0, 0.0, 20.0, 20.0)).len(), 1);
        let huge = Item::Quad(Quad {
            rect: TILE,
            radius: 0.0,
            fill: Color::rgb(1),
            border: Color::TRANSPARENT,
            border_width: 0.0,
        });
        assert_eq!(between(&Scene::default(), &Scene::from(vec![huge]), TILE), [TILE]);
    }
}
