//! Groups of accounts that answer for one number.

use router::time::Duration;

/// In what order a group's members ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Strategy {
    /// All at once; answered first wins.
    #[default]
    RingAll,
    /// One after another, until one answers.
    OneAfterAnother,
}

/// A member of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The account's name.
    pub account: String,
    /// How long it rings; `None`: as long as the configuration says for every destination.
    pub timeout: Option<Duration>,
}

/// Accounts that answer for one number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// Its name, which is also its number.
    pub name: String,
    /// Who rings, best first.
    pub members: Vec<Member>,
    /// In what order.
    pub strategy: Strategy,
}
