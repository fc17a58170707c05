//! Rate tables: what each way out of the platform costs for which numbers, so that a call takes the least expensive one first.
//!
//! ```text
//!   +49 30 1234 ─▶ 4930 1234      prefixes, sorted      parents       offers of each
//!                        │          49                    –           carrier-a 0.011, carrier-b 0.009
//!      directory of the  └──▶       4930            ──▶   49          carrier-a 0.006
//!      first four digits            49301               ──▶ 4930      carrier-c 0.012
//!                                   4931                  49
//!                                 ──▶ carrier-a 0.006, carrier-b 0.009 (its own longest prefix is 49), carrier-c where 49301 fits
//! ```
//! A table is built once and only read from then on, so every shard shares one, and another takes its place whole.

mod prefix;
mod price;
mod table;

pub use prefix::Prefix;
pub use price::Price;
pub use table::{Offer, Offers, RateFault, RateTable, RateTableBuilder};
