//! What comes in, row by row.
