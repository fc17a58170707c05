//! What the tests of the four machines share: time that stops at every millisecond.

use router::time::Instant;

use super::machine::{ClientInput, Output, Outputs, ServerInput};

/// So many milliseconds after the start.
pub(super) fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

/// Everything that a client machine does by itself until then, with its millisecond.
pub(super) fn client_timeline(
    mut handle: impl FnMut(Instant, ClientInput) -> Outputs,
    until: u64,
) -> Vec<(u64, Output)> {
    timeline(|now| handle(now, ClientInput::Timeout), until)
}

/// Everything that a server machine does by itself until then, with its millisecond.
pub(super) fn server_timeline(
    mut handle: impl FnMut(Instant, ServerInput) -> Outputs,
    until: u64,
) -> Vec<(u64, Output)> {
    timeline(|now| handle(now, ServerInput::Timeout), until)
}

fn timeline(mut timeout: impl FnMut(Instant) -> Outputs, until: u64) -> Vec<(u64, Output)> {
    (0..=until).flat_map(|ms| timeout(at(ms)).into_iter().map(move |output| (ms, output))).collect()
}
