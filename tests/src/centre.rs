//! The small centres that tests run, written to a folder of their own.
