//! What the canvas should look like: one scene a tile, and which tiles are not drawn yet.

use std::sync::Arc;

use panels::Rect;
use panels::image::Raster;
use panels::scene::{Item, Scene};

use crate::damage;

/// A rectangle of the canvas that is drawn as one, with an opaque ground of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    pub rect: Rect,
    pub scene: Scene,
    /// Where the canvas still shows something else, in whole pixels; no two overlap.
    damage: Vec<Rect>,
}

impl Tile {
    /// Whether the canvas still shows something else.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        !self.damage.is_empty()
    }

    /// Where it does.
    #[must_use]
    pub fn damage(&self) -> &[Rect] {
        &self.damage
    }
}

/// The retained display list of a canvas. Holds nothing of the GPU, so it survives the loss of one.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    tiles: Vec<Tile>,
    /// Also what lies between the tiles must be drawn.
    whole: bool,
}

impl Picture {
    /// Puts other tiles in the place of all there were; everything is drawn next time.
    pub fn arrange(&mut self, rects: impl IntoIterator<Item = Rect>) {
        self.tiles = rects.into_iter().map(|rect| Tile { rect, scene: Scene::default(), damage: vec![rect] }).collect();
        self.whole = true;
    }

    /// Shows `scene` in a tile; `false` when it is what the tile shows already.
    pub fn show(&mut self, index: usize, scene: Scene) -> bool {
        let Some(tile) = self.tiles.get_mut(index) else { return false };
        let mut changed = damage::between(&tile.scene, &scene, tile.rect);
        if changed.is_empty() {
            return false;
        }
        tile.scene = scene;
        changed.append(&mut tile.damage);
        tile.damage = damage::merged(changed, tile.rect);
        true
    }

    /// Everything is drawn next time.
    pub fn damage_all(&mut self) {
        self.whole = true;
        self.tiles.iter_mut().for_each(|tile| tile.damage = vec![tile.rect]);
    }

    #[must_use]
    pub fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    /// The pictures from files that are shown.
    pub fn rasters(&self) -> impl Iterator<Item = &Arc<Raster>> {
        self.tiles.iter().flat_map(|tile| &tile.scene.items).filter_map(|item| match item {
            Item::Image(image) => Some(&image.raster),
            _ => None,
        })
    }

    /// Whether also the ground between the tiles must be drawn.
    #[must_use]
    pub fn is_wholly_damaged(&self) -> bool {
        self.whole
    }

    /// How many tiles are to be drawn.
    #[must_use]
    pub fn damaged_tiles(&self) -> usize {
        self.tiles.iter().filter(|tile| tile.is_damaged()).count()
    }

    /// Whether there is nothing to draw.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        !self.whole && self.damaged_tiles() == 0
    }

    /// The canvas now shows this.
    pub fn mark_drawn(&mut self) {
        self.whole = false;
        self.tiles.iter_mut().for_each(|tile| tile.damage.clear());
    }
}
