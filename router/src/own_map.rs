//! Tables whose keys are made here.

use std::collections::HashMap;

/// A hash map for keys that the platform chooses itself (instances, transactions, slots): nobody outside can make them collide, so
/// a hash that takes a few instructions will do. Keys that arrive from a network belong into a [`HashMap`].
pub type OwnMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
