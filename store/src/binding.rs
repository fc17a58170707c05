//! Bindings: which of them a query asks for, and in which pages.

use crate::limits::{PAGE_ITEMS, PAGE_ITEMS_DEFAULT};
use router::parameter::{Binding, Selection};
use router::time::WallTime;

/// Where a page of bindings ended: in the order of accounts and contacts' URIs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct BindingPosition {
    /// The account's name.
    pub account: String,
    /// The contact's URI.
    pub uri: String,
}

/// Which bindings are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BindingQuery {
    /// Those of this account; `None`: all.
    pub account: Option<String>,
    /// Those behind this point.
    pub after: Option<BindingPosition>,
    /// Those that end after this moment.
    pub now: WallTime,
    /// At most so many.
    pub limit: usize,
}

impl BindingPosition {
    /// The position as a cursor: account names have no spaces.
    pub(crate) fn to_cursor(&self) -> String {
        format!("{} {}", self.account, self.uri)
    }

    fn from_cursor(cursor: &str) -> Option<Self> {
        let (account, uri) = cursor.split_once(' ')?;
        Some(Self { account: account.to_owned(), uri: uri.to_owned() })
    }
}

impl BindingQuery {
    /// From a request's parameters: an account's name in the binding, or else a selection. `None`: its cursor is none of
    /// ours.
    pub(crate) fn new(asked: &Binding, selection: Option<&Selection>, now: WallTime) -> Option<Self> {
        let named = Some(asked.account.clone()).filter(|name| !name.is_empty());
        let after = match selection.and_then(|selection| selection.cursor.as_deref()) {
            Some(cursor) => Some(BindingPosition::from_cursor(cursor)?),
            None => None,
        };
        let account = named.or_else(|| selection.and_then(|selection| selection.name.clone()));
        Some(Self { account, after, now, limit: page_items(selection) })
    }
}

/// How many items a page has.
pub(crate) fn page_items(selection: Option<&Selection>) -> usize {
    let asked = selection.and_then(|selection| selection.limit);
    asked.map_or(PAGE_ITEMS_DEFAULT, |limit| (limit as usize).clamp(1, PAGE_ITEMS))
}
