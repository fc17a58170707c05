//! Calls and messages of a number.

use super::client::{Client, CtlError};
use serde_json::{Value, json};

/// Records that are looked through for a number that is not written as they write it.
const RECORDS: usize = 2_000;

/// Digits that are enough to know a number by its end.
const DIGITS: usize = 4;

/// The last call that has this number, or a name, as caller, called or origin: one that is up before one that has ended.
///
/// # Errors
/// There is none, or the server says why it cannot be told.
pub(super) fn last_call(client: &mut Client, number: &str) -> Result<String, CtlError> {
    let up = client.list("calls", "list", "calls", json!({}), None)?;
    let last_up = up.iter().filter(|call| is_of(call, number)).max_by_key(|call| started(call));
    if let Some(id) = last_up.and_then(id) {
        return Ok(id);
    }
    // As the number is written, in however old a record; else by its end, among the last ones.
    let exact = client.list("records", "search", "records", json!({ "party": number }), Some(1))?;
    if let Some(id) = exact.first().and_then(id) {
        return Ok(id);
    }
    let records = client.list("records", "search", "records", json!({}), Some(RECORDS))?;
    let last = records.iter().filter(|record| is_of(record, number)).max_by_key(|record| started(record));
    last.and_then(id).ok_or_else(|| CtlError::Configuration(format!("no call of {number} is known")))
}

fn id(call: &Value) -> Option<String> {
    call["call"].as_str().map(str::to_owned)
}

fn started(call: &Value) -> String {
    call["started"].as_str().unwrap_or_default().to_owned()
}

/// Whether a call or a record is one of that number.
fn is_of(call: &Value, number: &str) -> bool {
    let parties = [&call["caller"]["user"], &call["called"]["user"], &call["origin"]["name"], &call["destination"]];
    parties.into_iter().filter_map(Value::as_str).any(|party| is_same(party, number))
}

/// Whether it is the number, or ends with its digits: what somebody was told is seldom what goes over the wire, `+49 30` and `030`.
fn is_same(party: &str, number: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit() || "+-. ()/".contains(c));
    let (party_digits, wanted) = (digits(party), digits(number));
    let wanted = wanted.trim_start_matches('0');
    party == number || is_number(number) && is_number(party) && wanted.len() >= DIGITS && party_digits.ends_with(wanted)
}

/// Whether a SIP message is from or to that number: its Request-URI, From, To or asserted identity.
pub(super) fn names(message: &str, number: &str) -> bool {
    let mut lines = message.lines();
    let first = lines.next().unwrap_or_default();
    let headers = lines.take_while(|line| !line.is_empty()).filter(|line| {
        let name = line.split(':').next().unwrap_or_default().trim();
        ["from", "f", "to", "t", "p-asserted-identity"].iter().any(|wanted| name.eq_ignore_ascii_case(wanted))
    });
    headers.chain(Some(first)).flat_map(users).any(|user| is_same(user, number))
}

/// The user parts of the URIs of a line.
fn users(line: &str) -> impl Iterator<Item = &str> {
    ["sip:", "sips:", "tel:"].into_iter().flat_map(move |scheme| {
        line.match_indices(scheme).filter_map(move |(at, _)| {
            let rest = line.get(at + scheme.len()..)?;
            rest.split(['@', ';', '>', '?', ' ']).next()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_known_by_its_last_digits_and_a_name_in_full() {
        for (party, number) in
            [("+49301234", "0301234"), ("+49301234", "1234"), ("0301234", "030 1234"), ("alice", "alice")]
        {
            assert!(is_same(party, number), "{party} {number}");
        }
        for (party, number) in
            [("+49301234", "234"), ("+49301234", "0301235"), ("alice", "lice"), ("desk1234", "1234"), ("+4930", "0000")]
        {
            assert!(!is_same(party, number), "{party} {number}");
        }
        let call = json!({ "caller": { "user": "alice" }, "called": { "user": "+49301234" } });
        assert!(is_of(&call, "1234") && is_of(&call, "alice") && !is_of(&call, "bob"));
    }

    #[test]
    fn messages_are_known_by_whom_they_name() {
        let message = "INVITE sip:0301234@h SIP/2.0\r\nVia: SIP/2.0/UDP 1.2.3.4567\r\nFrom: \"x\" <sip:alice@h>;tag=1\r\nt: <tel:+49309999;x=y>\r\n\r\nsip:carol@h";
        for number in ["0301234", "alice", "309999", "49309999"] {
            assert!(names(message, number), "{number}");
        }
        for number in ["carol", "4567", "x", "bob"] {
            assert!(!names(message, number), "{number}");
        }
    }
}
