//! `tandem ctl status`.

use super::client::{Client, CtlError};
use super::show;
use crate::cli::print;
use crate::cli::table::Table;
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write;

/// How the platform is.
#[derive(Args, Debug)]
pub(crate) struct Status {
    /// Every counter too.
    #[arg(long)]
    counters: bool,
}

impl Status {
    pub(super) fn run(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        let status = client.ask("system", "status", json!({}))?;
        print::out(&if json { format!("{status:#}\n") } else { render(&status, self.counters) });
        Ok(())
    }
}

fn render(status: &Value, counters: bool) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{}: {}, {}, {}\n",
        show::text(&status["state"]),
        show::count(&status["calls"], "call"),
        show::count(&status["registrations"], "registration"),
        show::count(&status["media-sessions"], "media session"),
    );
    let mut resources = Table::new(&["module", "resource", "name", "state", "in use", "detail"]);
    let mut counts = Table::new(&["module", "counter", ">value"]);
    for module in status["modules"].as_array().into_iter().flatten() {
        for resource in module["resources"].as_array().into_iter().flatten() {
            // Inboxes are of interest where something waits.
            if resource["kind"] == "inbox" && resource["used"] == 0 && !counters {
                continue;
            }
            let detail = resource["detail"].as_str().unwrap_or("").to_owned();
            resources.row([
                show::text(&module["module"]),
                show::text(&resource["kind"]),
                show::text(&resource["name"]),
                show::text(&resource["state"]),
                show::share(&resource["used"], &resource["total"]),
                detail,
            ]);
        }
        for counter in module["counters"].as_array().into_iter().flatten() {
            let labels: Vec<String> = counter["labels"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(label, value)| format!("{label}={}", show::text(value)))
                .collect();
            let name = show::text(&counter["name"]);
            let name = if labels.is_empty() { name } else { format!("{name}{{{}}}", labels.join(",")) };
            counts.row([show::text(&module["module"]), name, show::text(&counter["value"])]);
        }
    }
    text.push_str(&resources.render());
    for silent in status["silent"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "{} does not answer ({})", show::text(&silent["module"]), show::text(&silent["error"]));
    }
    if counters {
        let _ = write!(text, "\n{}", counts.render());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_module_shows() {
        let status = json!({
            "state": "failed", "calls": 2, "registrations": 1, "media-sessions": 2,
            "modules": [{ "module": "switch/0", "resources": [
                { "kind": "calls", "name": "calls", "state": "ready", "used": 2, "total": 10, "detail": null }],
                "counters": [{ "name": "calls", "labels": { "outcome": "busy" }, "value": 4 }] }],
            "silent": [{ "module": "store/0", "error": "timeout" }],
        });
        let text = render(&status, true);
        assert!(text.starts_with("failed: 2 calls, 1 registration, 2 media sessions\n"), "{text}");
        assert!(text.contains("2 of 10") && text.contains("store/0 does not answer (timeout)"), "{text}");
        assert!(text.contains("calls{outcome=busy}      4"), "{text}");
        assert!(!render(&status, false).contains("outcome"));
    }
}
