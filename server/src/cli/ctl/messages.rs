//! `tandem ctl message`.

use super::client::{Client, CtlError};
use super::show;
use crate::cli::print;
use clap::Args;
use serde_json::json;

/// Send a text.
#[derive(Args, Debug)]
pub(crate) struct Send {
    /// Who it is from, as the recipient is shown.
    from: String,
    /// An account or a number of the plan.
    to: String,
    /// The text.
    text: String,
}

impl Send {
    pub(super) fn run(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        let Self { from, to, text } = self;
        let done = client.ask("messages", "send", json!({ "from": from, "to": to, "text": text }))?;
        print::line(&if json { format!("{done:#}") } else { show::text(&done["fate"]) });
        Ok(())
    }
}
