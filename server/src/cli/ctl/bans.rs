//! `tandem ctl bans`.

use super::client::{Client, CtlError};
use super::show;
use crate::cli::print;
use crate::cli::table::Table;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

/// Sources that are shut out since they guessed passwords.
#[derive(Args, Debug)]
pub(crate) struct Bans {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Hear a source again: an address, or a network as the list has it.
    Lift { source: String },
}

impl Bans {
    pub(super) fn run(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        if let Some(Command::Lift { source }) = self.command {
            let done = client.ask("bans", "lift", json!({ "source": source }))?;
            print::line(&if json { format!("{done:#}") } else { "done".to_owned() });
            return Ok(());
        }
        let bans = client.list("bans", "list", "bans", json!({}), None)?;
        if json {
            print::line(&format!("{:#}", Value::Array(bans)));
        } else {
            print::out(&render(&bans));
        }
        Ok(())
    }
}

fn render(bans: &[Value]) -> String {
    let mut table = Table::new(&["source", ">attempts", "until (UTC)"]);
    for ban in bans {
        table.row([show::text(&ban["source"]), show::text(&ban["attempts"]), show::time(&ban["until"])]);
    }
    if table.len() == 0 { "nobody is shut out\n".to_owned() } else { table.render() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_stand_in_a_table() {
        assert_eq!(render(&[]), "nobody is shut out\n");
        let ban = json!({ "source": "203.0.113.9", "attempts": 60, "until": "2026-11-30T09:05:11.402Z" });
        let shown = render(&[ban]);
        let row = shown.lines().last().unwrap();
        assert!(row.starts_with("203.0.113.9") && row.contains("60") && row.contains("2026-11-30"), "{shown}");
    }
}
