//! `tandem ctl reload`.

use super::client::{Client, CtlError};
use super::show;
use crate::cli::print;
use serde_json::{Value, json};
use std::fmt::Write;

pub(super) fn reload(client: &mut Client, json: bool) -> Result<(), CtlError> {
    let report = client.ask("system", "reload", json!({}))?;
    print::out(&if json { format!("{report:#}\n") } else { render(&report) });
    Ok(())
}

fn render(report: &Value) -> String {
    let mut text = String::new();
    let sections = [("applied", "in force now:"), ("restart", "in force after a restart:")];
    for (key, title) in sections {
        let changes: Vec<&Value> = report[key].as_array().into_iter().flatten().collect();
        if changes.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{title}");
        for change in changes {
            let (key, from, to) = (&change["key"], &change["from"], &change["to"]);
            let _ = writeln!(text, "  {}: {} -> {}", show::text(key), show::text(from), show::text(to));
        }
    }
    if text.is_empty() { "nothing changed\n".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_a_restart_is_said() {
        let change = |key: &str| json!({ "key": key, "from": "1", "to": null });
        let text = render(&json!({ "applied": [change("calls.max")], "restart": [change("sip.listen")] }));
        assert_eq!(text, "in force now:\n  calls.max: 1 -> -\nin force after a restart:\n  sip.listen: 1 -> -\n");
        assert_eq!(render(&json!({ "applied": [], "restart": [] })), "nothing changed\n");
    }
}
