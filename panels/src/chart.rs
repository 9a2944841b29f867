//! Charts: plotters drawing into a scene.
