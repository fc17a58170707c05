//! `tandem ctl conferences`, `conference`.

use super::call_id::{self, Among};
use super::client::{Client, CtlError};
use super::show;
use crate::cli::print;
use crate::cli::table::Table;
use clap::Args;
use serde_json::{Value, json};

/// A call to become a conference.
#[derive(Args, Debug)]
pub(crate) struct Convert {
    /// The call, as `ctl calls` names it, or the begin of that.
    call: String,
    /// The conference that it becomes, or comes into. Without it: one of its own.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

impl Convert {
    pub(super) fn run(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        let mut body = json!({ "call": call_id::resolve(client, self.call, Among::Up)? });
        if let Some(name) = self.name {
            body["name"] = name.into();
        }
        let done = client.ask("calls", "conference", body)?;
        print::line(&if json { done.to_string() } else { show::text(&done["name"]) });
        Ok(())
    }
}

pub(super) fn list(client: &mut Client, json: bool) -> Result<(), CtlError> {
    let reply = client.ask("conferences", "list", json!({}))?;
    if json {
        print::line(&format!("{:#}", reply["conferences"]));
        return Ok(());
    }
    print::out(&render(&reply["conferences"]));
    Ok(())
}

fn render(conferences: &Value) -> String {
    let mut table = Table::new(&["conference", ">members", "since (UTC)", "worker", ">late"]);
    for conference in conferences.as_array().into_iter().flatten() {
        table.row([
            show::text(&conference["name"]),
            show::text(&conference["members"]),
            show::time(&conference["since"]),
            show::text(&conference["worker"]),
            show::text(&conference["packets-late"]),
        ]);
    }
    if table.len() == 0 { "no conferences\n".to_owned() } else { table.render() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conference_is_a_line() {
        let told = json!([{ "name": "sales", "members": 3, "since": "2026-11-30T01:00:00.000Z", "worker": "voice/1",
            "frames": 50, "packets-late": 2 }]);
        let text = render(&told);
        assert!(text.contains("sales") && text.contains("voice/1"), "{text}");
        assert_eq!(render(&json!([])), "no conferences\n");
    }
}
