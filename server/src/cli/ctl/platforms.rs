//! `tandem ctl platforms`.

use super::client::{Client, CtlError};
use super::show;
use crate::cli::print;
use crate::cli::table::Table;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

/// Lists them, unless something else is asked for.
#[derive(Args, Debug)]
pub(super) struct Platforms {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Forget a platform that is not reached, and its addresses: one that was taken out of the cluster, or never was in it.
    Forget {
        /// Its number or its name.
        platform: String,
    },
}

impl Platforms {
    pub(super) fn run(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        match self.command {
            None => list(client, json),
            Some(Command::Forget { platform }) => {
                let reply = client.ask("platforms", "forget", json!({ "platform": platform }))?;
                print::line(&if json { format!("{reply:#}") } else { "done".to_owned() });
                Ok(())
            }
        }
    }
}

fn list(client: &mut Client, json: bool) -> Result<(), CtlError> {
    let platforms = match client.list("platforms", "list", "platforms", json!({}), None) {
        Ok(platforms) => platforms,
        // A server without an inter-platform interface has no others.
        Err(CtlError::Refused { code, .. }) if code == "unavailable" => Vec::new(),
        Err(error) => return Err(error),
    };
    print::out(&if json { format!("{:#}\n", Value::Array(platforms)) } else { render(&platforms) });
    Ok(())
}

fn render(platforms: &[Value]) -> String {
    let columns = [
        ">id",
        "name",
        "state",
        "via",
        "address",
        "version",
        ">load",
        ">round trip",
        ">queue",
        ">dropped",
        "since (UTC)",
        "last error",
    ];
    let mut table = Table::new(&columns);
    for platform in platforms {
        let load = platform["load"].as_f64().map_or("-".to_owned(), |load| format!("{:.1} %", load * 100.0));
        let round_trip = platform["round-trip-ms"].as_f64().map_or("-".to_owned(), |millis| format!("{millis:.2} ms"));
        table.row([
            show::text(&platform["platform"]),
            platform["name"].as_str().filter(|name| !name.is_empty()).unwrap_or("-").to_owned(),
            show::text(&platform["state"]),
            show::text(&platform["via"]),
            show::text(&platform["address"]),
            show::text(&platform["version"]),
            load,
            round_trip,
            show::text(&platform["queued"]),
            show::text(&platform["dropped"]),
            show::time(&platform["since"]),
            show::text(&platform["last-error"]),
        ]);
    }
    if table.len() == 0 { "no links: bridge.platform is not set\n".to_owned() } else { table.render() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_a_row() {
        let platforms = [json!({
            "platform": 2, "name": "west", "state": "linked", "via": null, "address": "192.0.2.2:5065",
            "version": "0.1.0", "load": 0.125, "round-trip-ms": 0.21, "queued": 0, "dropped": 3,
            "since": "2026-11-21T03:10:00.120Z", "last-error": "the link was closed\n",
        })];
        let text = render(&platforms);
        let row = text.lines().nth(1).unwrap();
        for cell in ["2", "west", "linked", "12.5 %", "0.21 ms", "2026-11-21 03:10:00", "closed?"] {
            assert!(row.contains(cell), "{cell}: {text}");
        }
        assert!(render(&[]).contains("bridge.platform"));
    }
}
