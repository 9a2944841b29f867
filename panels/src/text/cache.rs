//! Shaped text, kept while it is asked for.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Font, Shaped};

/// Two generations: what was not asked for during a whole one is forgotten.
#[derive(Default)]
pub(super) struct ShapedCache {
    young: HashMap<Font, HashMap<Box<str>, Arc<Shaped>>>,
    old: HashMap<Font, HashMap<Box<str>, Arc<Shaped>>>,
    young_len: usize,
}

/// Shaped texts in one generation.
const GENERATION: usize = 4096;

impl ShapedCache {
    pub(super) fn get(&mut self, text: &str, font: Font) -> Option<Arc<Shaped>> {
        if let Some(shaped) = self.young.get(&font).and_then(|texts| texts.get(text)) {
            return Some(Arc::clone(shaped));
        }
        let shaped = Arc::clone(self.old.get(&font)?.get(text)?);
        self.insert(text, font, Arc::clone(&shaped));
        Some(shaped)
    }

    pub(super) fn insert(&mut self, text: &str, font: Font, shaped: Arc<Shaped>) {
        if self.young_len >= GENERATION {
            self.old = std::mem::take(&mut self.young);
            self.young_len = 0;
        }
        self.young.entry(font).or_default().insert(text.into(), shaped);
        self.young_len += 1;
    }
}
