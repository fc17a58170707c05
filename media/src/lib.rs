//! To be an index.
