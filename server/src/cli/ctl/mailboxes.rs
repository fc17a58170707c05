//! `tandem ctl mwi`.

use super::client::{Client, CtlError};
use crate::cli::print;
use clap::Args;
use serde_json::json;

/// Say how many messages wait for an account, as its voicemail would: the phones' lights follow.
#[derive(Args, Debug)]
pub(crate) struct Waiting {
    /// The account.
    account: String,
    /// Messages not heard yet; 0 puts the light out.
    new: u32,
    /// Messages heard and kept.
    #[arg(default_value_t = 0)]
    old: u32,
}

impl Waiting {
    pub(super) fn run(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        let Self { account, new, old } = self;
        let done = client.ask("mailboxes", "set-waiting", json!({ "account": account, "new": new, "old": old }))?;
        print::line(&if json { format!("{done:#}") } else { "done".to_owned() });
        Ok(())
    }
}
