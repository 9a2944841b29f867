//! Shaped text, kept while it is asked for.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{FACES, Font, Shaped};

/// What is shaped, by the place of its face.
type Generation = [FxHashMap<Box<str>, Arc<Shaped>>; FACES.len()];

/// Two generations: what was not asked for during a whole one is forgotten.
#[derive(Default)]
pub(super) struct ShapedCache {
    young: Generation,
    old: Generation,
    young_len: usize,
}

/// Shaped texts in one generation.
const MOST: usize = 4096;

impl ShapedCache {
    pub(super) fn get(&mut self, text: &str, font: Font) -> Option<Arc<Shaped>> {
        if let Some(shaped) = self.young[font as usize].get(text) {
            return Some(Arc::clone(shaped));
        }
        let shaped = Arc::clone(self.old[font as usize].get(text)?);
        self.insert(text, font, Arc::clone(&shaped));
        Some(shaped)
    }

    pub(super) fn insert(&mut self, text: &str, font: Font, shaped: Arc<Shaped>) {
        if self.young_len >= MOST {
            self.old = std::mem::take(&mut self.young);
            self.young_len = 0;
        }
        self.young[font as usize].insert(text.into(), shaped);
        self.young_len += 1;
    }
}
