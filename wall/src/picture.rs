//! What the canvas should look like: one scene a tile, and which tiles are not drawn yet.

use panels::Rect;
use panels::scene::Scene;

/// A rectangle of the canvas that is drawn as one, with an opaque ground of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    pub rect: Rect,
    pub scene: Scene,
    damaged: bool,
}

impl Tile {
    /// Whether the canvas still shows something else.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.damaged
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
        self.tiles = rects.into_iter().map(|rect| Tile { rect, scene: Scene::default(), damaged: true }).collect();
        self.whole = true;
    }

    /// Shows `scene` in a tile; `false` when it is what the tile shows already.
    pub fn show(&mut self, index: usize, scene: Scene) -> bool {
        let Some(tile) = self.tiles.get_mut(index) else { return false };
        if tile.scene == scene {
            return false;
        }
        tile.scene = scene;
        tile.damaged = true;
        true
    }

    /// Everything is drawn next time.
    pub fn damage_all(&mut self) {
        self.whole = true;
        self.tiles.iter_mut().for_each(|tile| tile.damaged = true);
    }

    #[must_use]
    pub fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    /// Whether also the ground between the tiles must be drawn.
    #[must_use]
    pub fn is_wholly_damaged(&self) -> bool {
        self.whole
    }

    /// How many tiles are to be drawn.
    #[must_use]
    pub fn damaged_tiles(&self) -> usize {
        self.tiles.iter().filter(|tile| tile.damaged).count()
    }

    /// Whether there is nothing to draw.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        !self.whole && self.damaged_tiles() == 0
    }

    /// The canvas now shows this.
    pub fn mark_drawn(&mut self) {
        self.whole = false;
        self.tiles.iter_mut().for_each(|tile| tile.damaged = false);
    }
}
