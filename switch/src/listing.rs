//! `Query × CallSummary`: the calls that are up, page by page, in the order of their ids.

use crate::call::Call;
use crate::limits::PAGE;
use router::parameter::{Parameter, Selection};
use router::{Instance, OwnMap, Parameters, PlatformId};
use std::collections::BTreeMap;
use std::ops::Bound;

/// One page for who asks: the calls that `selection` means, and the selection with `cursor` set where more follow.
pub(crate) fn page(
    asker: PlatformId,
    names: &BTreeMap<String, Instance>,
    calls: &OwnMap<Instance, Box<Call>>,
    selection: Selection,
) -> Parameters {
    let limit = selection.limit.map_or(PAGE, |limit| (limit as usize).clamp(1, PAGE));
    let after = match &selection.cursor {
        Some(cursor) => Bound::Excluded(cursor.as_str()),
        None => Bound::Unbounded,
    };
    let mut selected = names
        .range::<str, _>((after, Bound::Unbounded))
        .filter_map(|(_, instance)| calls.get(instance))
        .filter(|call| call.is_selected(&selection));
    let page: Vec<_> = selected.by_ref().take(limit).map(|call| call.summary_for(asker)).collect();
    let more = selected.next().is_some();
    let cursor = page.last().filter(|_| more).map(|call| call.id.clone());
    let mut parameters: Parameters = page.into_iter().map(Parameter::from).collect();
    parameters.push(Parameter::from(Selection { cursor, ..selection }));
    parameters
}
