//! Messages as a ladder: a column for the server and for each peer, time downwards.
//!
//! ```text
//! UTC            192.0.2.7:5060            tandem             192.0.2.9:5060
//! 03:10:02.001         │───────INVITE────────▶│                      │
//! 03:10:02.001         │◀──────100 Trying─────│                      │
//! 03:10:02.004         │                      │───────INVITE────────▶│
//! ```

use crate::cli::terminal;
use serde_json::Value;
use std::fmt::Write;

/// Columns at most; peers beyond share the last one.
const COLUMNS: usize = 6;

/// Characters between two columns, at least.
const GAP: usize = 24;

/// At most: a status line of the RFC with its method has room.
const GAP_MAX: usize = 50;

/// Characters of a label at most: its line has an arrow, and a dash on each side.
const LABEL: usize = GAP_MAX - 4;

/// Characters of the time.
const TIME: usize = 12;

/// A message of the ladder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Message {
    /// The time of day.
    pub(super) at: String,
    /// Whether the server received it.
    pub(super) received: bool,
    /// The peer's address.
    pub(super) remote: String,
    /// What it is: `INVITE (SDP)`, `180 Ringing`.
    pub(super) label: String,
}

impl Message {
    /// From the JSON of `trace.get`.
    pub(super) fn read(json: &Value) -> Option<Self> {
        Some(Self {
            at: super::show::clock(&json["at"]),
            received: json["direction"] == "received",
            remote: terminal::plain(json["remote"].as_str()?),
            label: label(json["message"].as_str()?),
        })
    }
}

/// What a SIP message is, in a few words: the method; the status, its words, and of which method where it is none of INVITE.
fn label(message: &str) -> String {
    let mut lines = message.lines();
    let first = lines.next().unwrap_or("").trim();
    let sdp = match message.contains("\nv=0") && message.contains("\nm=") {
        true if is_hold(message) => " (SDP, hold)",
        true => " (SDP)",
        false => "",
    };
    let label = match first.strip_prefix("SIP/2.0 ") {
        Some(status) => {
            let method = header(lines, &["cseq"])
                .and_then(|value| value.split_whitespace().nth(1).map(str::to_owned))
                .filter(|method| method != "INVITE")
                .map_or(String::new(), |method| format!(" {method}"));
            format!("{status}{method}{sdp}")
        }
        // Within a dialog the To has a tag (RFC 3261 §12.2.1.1).
        None if first.starts_with("INVITE ") && header(lines, &["to", "t"]).is_some_and(|to| is_tagged(&to)) => {
            format!("re-INVITE{sdp}")
        }
        None => format!("{}{sdp}", first.split(' ').next().unwrap_or("?")),
    };
    let label: String = terminal::plain(&label).chars().take(LABEL).collect();
    if label.is_empty() { "keep-alive".to_owned() } else { label }
}

/// The value of a header of one of these names, its folded lines included.
pub(super) fn header<'a>(lines: impl Iterator<Item = &'a str>, names: &[&str]) -> Option<String> {
    let mut lines = lines.take_while(|line| !line.is_empty()).peekable();
    while let Some(line) = lines.next() {
        let Some((name, value)) = line.split_once(':') else { continue };
        if names.iter().any(|wanted| name.trim().eq_ignore_ascii_case(wanted)) {
            let mut value = value.trim().to_owned();
            while let Some(folded) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
                value.push(' ');
                value.push_str(folded.trim());
            }
            return Some(value);
        }
    }
    None
}

/// Whether a To has a tag: behind its URI, not within it.
fn is_tagged(to: &str) -> bool {
    let parameters = to.rsplit_once('>').map_or(to, |(_, parameters)| parameters);
    parameters
        .split(';')
        .skip(1)
        .any(|parameter| parameter.split('=').next().unwrap_or("").trim().eq_ignore_ascii_case("tag"))
}

/// Whether a description keeps its peer from sending: `sendonly`, `inactive` (RFC 3264 §8.4), or the old `0.0.0.0`.
fn is_hold(message: &str) -> bool {
    let mut lines = message.lines().map(str::trim).skip_while(|line| !line.starts_with("v=0"));
    lines.any(|line| line == "a=sendonly" || line == "a=inactive" || line == "c=IN IP4 0.0.0.0")
}

/// The ladder. The server stands second, between the peer that came first and the others.
pub(super) fn render(messages: &[Message]) -> String {
    let mut peers: Vec<&str> = Vec::new();
    for message in messages {
        if !peers.contains(&message.remote.as_str()) {
            peers.push(&message.remote);
        }
    }
    let more = peers.len() > COLUMNS - 1;
    peers.truncate(COLUMNS - 1);
    let mut titles: Vec<String> = peers.iter().map(|peer| (*peer).to_owned()).collect();
    if more && let Some(last) = titles.last_mut() {
        *last = "others".to_owned();
    }
    let server = titles.len().min(1);
    titles.insert(server, "tandem".to_owned());
    let column = |remote: &str| {
        let peer = peers.iter().position(|peer| *peer == remote).unwrap_or(peers.len().saturating_sub(1));
        if peer < server { peer } else { peer + 1 }
    };
    let widest = messages.iter().map(|message| message.label.chars().count() + 4).max().unwrap_or(GAP);
    let gap = widest.next_multiple_of(2).clamp(GAP, GAP_MAX);
    let mut text = format!("{:<TIME$}", "UTC");
    for title in &titles {
        let title: String = title.chars().take(gap - 1).collect();
        let _ = write!(text, "{title:^gap$}");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    for message in messages {
        let peer = column(&message.remote);
        let (from, to) = if message.received { (peer, server) } else { (server, peer) };
        let _ = writeln!(text, "{:<TIME$}{}", message.at, rung(gap, titles.len(), from, to, &message.label));
    }
    text
}

/// The same for messages of many peers, whose columns no terminal has room for: a line each.
pub(super) fn in_lines(messages: &[Message]) -> String {
    let width = messages.iter().map(|message| message.remote.chars().count()).max().unwrap_or(0).max(PEER);
    let mut text = format!("{:<TIME$}  {:<width$}      message\n", "UTC", "peer");
    messages.iter().for_each(|message| push_line(&mut text, message, width));
    text
}

/// One of them.
pub(super) fn in_a_line(message: &Message) -> String {
    let mut text = String::new();
    push_line(&mut text, message, PEER);
    text
}

fn push_line(text: &mut String, message: &Message, width: usize) {
    let arrow = if message.received { "──▶" } else { "◀──" };
    let _ = writeln!(text, "{:<TIME$}  {:<width$} {arrow}  {}", message.at, message.remote, message.label);
}

/// Characters of a peer's address at least: IPv4 with its port.
const PEER: usize = 21;

/// One message between two of `columns` lines, `gap` characters apart.
fn rung(gap: usize, columns: usize, from: usize, to: usize, label: &str) -> String {
    let half = gap / 2;
    let mut line: Vec<char> = vec![' '; columns * gap];
    for column in 0..columns {
        line[column * gap + half] = '│';
    }
    let (left, right) = (from.min(to), from.max(to));
    let (begin, end) = (left * gap + half + 1, right * gap + half);
    for cell in &mut line[begin..end] {
        *cell = '─';
    }
    if from < to {
        line[end - 1] = '▶';
    } else {
        line[begin] = '◀';
    }
    let width = label.chars().count();
    let start = begin + (end - begin).saturating_sub(width) / 2;
    for (offset, character) in label.chars().enumerate() {
        line[start + offset] = character;
    }
    line.into_iter().collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(received: bool, remote: &str, label: &str) -> Message {
        Message { at: "03:10:02.001".into(), received, remote: remote.into(), label: label.into() }
    }

    #[test]
    fn a_call_is_a_ladder() {
        let text = render(&[
            message(true, "192.0.2.7:5060", "INVITE (SDP)"),
            message(false, "192.0.2.9:5060", "INVITE (SDP)"),
            message(true, "192.0.2.9:5060", "180 Ringing"),
        ]);
        let expected = "UTC              192.0.2.7:5060              tandem              192.0.2.9:5060
03:10:02.001            │─────INVITE (SDP)─────▶│                       │
03:10:02.001            │                       │─────INVITE (SDP)─────▶│
03:10:02.001            │                       │◀─────180 Ringing──────│
";
        assert_eq!(text, expected);
    }

    #[test]
    fn messages_of_many_peers_are_lines() {
        let text = in_lines(&[
            message(true, "192.0.2.7:5060", "INVITE (SDP)"),
            message(false, "[2001:db8:1:2:3:4:5:6]:50600", "200 OK OPTIONS"),
        ]);
        let expected = "UTC           peer                              message
03:10:02.001  192.0.2.7:5060               ──▶  INVITE (SDP)
03:10:02.001  [2001:db8:1:2:3:4:5:6]:50600 ◀──  200 OK OPTIONS
";
        assert_eq!(text, expected);
        assert!(in_lines(&[]).starts_with("UTC"));
    }

    #[test]
    fn messages_are_named() {
        assert_eq!(label("INVITE sip:bob@x SIP/2.0\r\n\r\nv=0\r\nm=audio\r\n"), "INVITE (SDP)");
        assert_eq!(label("SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n\r\n"), "180 Ringing");
        assert_eq!(label("SIP/2.0 200 OK\r\ncseq:  2 BYE\r\n\r\n"), "200 OK BYE");
        assert_eq!(label("\r\n\r\n"), "keep-alive");
        assert!(label(&"x".repeat(500)).chars().count() <= LABEL);
        let gone = "SIP/2.0 481 Call/Transaction Does Not Exist\r\nCSeq: 3 UPDATE\r\n\r\n";
        assert_eq!(label(gone), "481 Call/Transaction Does Not Exist UPDATE");
        let text = render(&[message(true, "192.0.2.7:5060", &label(gone)), message(true, "192.0.2.7:5060", "BYE")]);
        assert!(text.contains("─481 Call/Transaction Does Not Exist UPDATE─▶│"), "{text}");
    }

    #[test]
    fn a_session_that_is_changed_or_held_shows() {
        let invite =
            |to: &str, sdp: &str| label(&format!("INVITE sip:b@x SIP/2.0\r\n{to}\r\n\r\nv=0\r\nm=audio\r\n{sdp}"));
        assert_eq!(invite("To: <sip:b@x;tag=1>", ""), "INVITE (SDP)");
        assert_eq!(invite("To: <sip:b@x>;tag=1", ""), "re-INVITE (SDP)");
        assert_eq!(invite("t: \"b;tag=1\" <sip:b@x>", "a=sendrecv\r\n"), "INVITE (SDP)");
        assert_eq!(invite("t: sip:b@x\r\n ;Tag=1", "a=sendonly\r\n"), "re-INVITE (SDP, hold)");
        assert_eq!(invite("To: sip:b@x;tag=1", "c=IN IP4 0.0.0.0\r\n"), "re-INVITE (SDP, hold)");
    }

    #[test]
    fn any_number_of_peers_is_drawn() {
        assert!(render(&[]).trim().ends_with("tandem"));
        let many: Vec<Message> =
            (0..20).map(|n| message(n % 2 == 0, &format!("192.0.2.{n}:5060"), "OPTIONS")).collect();
        let text = render(&many);
        assert_eq!(text.lines().count(), 21);
        assert!(text.lines().all(|line| line.chars().count() <= TIME + COLUMNS * GAP_MAX));
        assert!(text.contains("others"));
    }
}
