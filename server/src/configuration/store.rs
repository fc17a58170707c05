//! What the store is told.

use super::model::Configuration;
use std::path::PathBuf;
use store::backend::Settings;

/// Pages of SQLite in a MiB, at 4 KiB each.
const PAGES_PER_MIB: u32 = 256;

/// The store's configuration.
pub fn config(configuration: &Configuration) -> store::Config {
    let days = configuration.store.records_keep_days;
    store::Config { records_keep_days: (days > 0).then_some(days) }
}

/// Where the database lies, and how it is opened.
pub fn settings(configuration: &Configuration) -> Settings {
    let mib = configuration.store.size_max_mib;
    Settings {
        path: database(configuration),
        realm: configuration.sip.realm.clone(),
        pages_max: (mib > 0).then(|| mib.saturating_mul(PAGES_PER_MIB)),
    }
}

/// The database file.
pub fn database(configuration: &Configuration) -> PathBuf {
    configuration.data.join("tandem.db")
}
