//! Calls by the begin of their id, as far as it names one alone.

use super::client::{Client, CtlError};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Characters that are enough to look for: fewer are a slip more often than a name.
const BEGIN: usize = 4;

/// Digits of an id.
const WHOLE: usize = 32;

/// Records that are looked through, the last ones: those that somebody has just seen in a table.
const RECORDS: usize = 500;

/// Ids that are shown where several begin so.
const SHOWN: usize = 5;

/// Which calls are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Among {
    /// Those that are up.
    Up,
    /// Those that are up, and the last ones that have ended.
    Recent,
}

/// The call whose id `given` is, or begins so. What no id begins with stays as it is: its own command says that there is no such call,
/// or knows what else it may name.
///
/// # Errors
/// [`CtlError::Configuration`]: several begin so.
pub(super) fn resolve(client: &mut Client, given: String, among: Among) -> Result<String, CtlError> {
    if !(BEGIN..WHOLE).contains(&given.len()) {
        return Ok(given);
    }
    let mut ids = BTreeSet::new();
    let mut keep = |items: Vec<Value>| {
        let ids_of = items.iter().filter_map(|item| item["call"].as_str()).filter(|id| id.starts_with(&given));
        ids.extend(ids_of.map(str::to_owned));
    };
    client.pages("calls", "list", "calls", json!({}), None, &mut keep)?;
    if among == Among::Recent {
        match client.pages("records", "search", "records", json!({}), Some(RECORDS), &mut keep) {
            // A store that is not there keeps nobody from looking at a call.
            Err(CtlError::Refused { .. }) => {}
            searched => searched?,
        }
    }
    meant(given, &ids).map_err(CtlError::Configuration)
}

/// The one that is meant, of those that begin so.
fn meant(given: String, ids: &BTreeSet<String>) -> Result<String, String> {
    // In their order: a call's own id comes before those of its conversations, which go on with `~`.
    let Some(first) = ids.first().filter(|_| !ids.contains(&given)) else { return Ok(given) };
    let is_of_first =
        |id: &String| id.strip_prefix(first.as_str()).is_some_and(|rest| matches!(rest.get(..1), None | Some("~")));
    if ids.iter().all(is_of_first) {
        return Ok(first.clone());
    }
    let shown: Vec<&str> = ids.iter().take(SHOWN).map(String::as_str).collect();
    let more = if ids.len() > SHOWN { ", …" } else { "" };
    Err(format!("{} calls begin with {given}: {}{more}", ids.len(), shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &str, ids: &[&str]) -> Result<String, String> {
        meant(given.to_owned(), &ids.iter().map(|&id| id.to_owned()).collect())
    }

    #[test]
    fn a_begin_that_one_call_has_names_it() {
        assert_eq!(of("0bfb", &["0bfbd08a"]).as_deref(), Ok("0bfbd08a"));
        assert_eq!(
            of("0bfb", &["0bfbd08a", "0bfbd08a~2", "0bfbd08a~3"]).as_deref(),
            Ok("0bfbd08a"),
            "its conversations"
        );
        assert_eq!(of("0bfb", &["0bfbd08a~2"]).as_deref(), Ok("0bfbd08a~2"), "what is left of it");
        assert_eq!(of("0bfbd08a", &["0bfbd08a", "0bfbd08a7"]).as_deref(), Ok("0bfbd08a"), "an id in full");
        assert_eq!(of("else", &[]).as_deref(), Ok("else"), "it may be something else");
    }

    #[test]
    fn a_begin_that_several_have_names_none() {
        let error = of("0bfb", &["0bfb1", "0bfb2"]).unwrap_err();
        assert_eq!(error, "2 calls begin with 0bfb: 0bfb1, 0bfb2");
        let many: Vec<String> = (0..9).map(|number| format!("0bfb{number}")).collect();
        let error = of("0bfb", &many.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_err();
        assert!(error.starts_with("9 calls") && error.ends_with("0bfb4, …"), "{error}");
    }
}
