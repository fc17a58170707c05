//! JSON values as people read them.

use serde_json::Value;

/// A text, a number, a truth; a dash for nothing.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

/// A party: its name if it has one, its user part.
pub(super) fn party(value: &Value) -> String {
    match value["display-name"].as_str() {
        Some(name) if !name.is_empty() => format!("{} ({name})", text(&value["user"])),
        _ => text(&value["user"]),
    }
}

/// A moment as it stands below a title that names the zone (UTC): `2026-11-21 03:10:00`.
pub(super) fn time(value: &Value) -> String {
    match value.as_str() {
        Some(moment) if moment.len() >= 19 && moment.is_ascii() => format!("{} {}", &moment[..10], &moment[11..19]),
        _ => text(value),
    }
}

/// The time of day alone, with milliseconds.
pub(super) fn clock(value: &Value) -> String {
    match value.as_str() {
        Some(moment) if moment.len() >= 23 && moment.is_ascii() => moment[11..23].to_owned(),
        _ => text(value),
    }
}

/// Seconds as minutes and seconds: `4:05`, `1:00:00`.
pub(super) fn seconds(value: &Value) -> String {
    match value.as_f64() {
        Some(seconds) if seconds >= 3600.0 => {
            let whole = seconds as u64;
            format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
        }
        Some(seconds) => format!("{}:{:02}", seconds as u64 / 60, seconds as u64 % 60),
        None => "-".to_owned(),
    }
}

/// So many of something.
pub(super) fn count(value: &Value, of: &str) -> String {
    format!("{} {of}{}", text(value), if *value == 1 { "" } else { "s" })
}

/// How much of how much.
pub(super) fn share(used: &Value, total: &Value) -> String {
    if total.is_null() { text(used) } else { format!("{} of {}", text(used), text(total)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_read_well() {
        assert_eq!(time(&json!("2026-11-21T03:10:00.120Z")), "2026-11-21 03:10:00");
        assert_eq!(clock(&json!("2026-11-21T03:10:00.120Z")), "03:10:00.120");
        assert_eq!(seconds(&json!(245.9)), "4:05");
        assert_eq!(seconds(&json!(3600)), "1:00:00");
        assert_eq!(seconds(&Value::Null), "-");
        assert_eq!(share(&json!(3), &Value::Null), "3");
        assert_eq!(party(&json!({ "user": "alice", "display-name": "Alice" })), "alice (Alice)");
    }
}
