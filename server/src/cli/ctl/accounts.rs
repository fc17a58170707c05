//! `tandem ctl account …`.

use super::client::{Client, CtlError};
use super::{import, show};
use crate::cli::print;
use crate::cli::table::Table;
use clap::Subcommand;
use serde_json::{Value, json};
use std::io::BufRead;
use std::path::PathBuf;

/// Accounts.
#[derive(Subcommand, Debug)]
pub(crate) enum Accounts {
    /// Accounts, by name.
    List,
    /// Make an account. Its password is made and shown once, unless --password-stdin is given.
    Add {
        /// Its name.
        name: String,
        /// The name to show for its calls.
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
        /// Read the password from standard input, a line.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Make many accounts. Each line is a name, a password and a name to show, with commas between; without a password one is made and shown.
    Import {
        /// The file; from standard input without one.
        file: Option<PathBuf>,
    },
    /// Remove an account and its registrations. Its calls go on.
    Remove {
        /// Its name.
        name: String,
        /// End its calls too.
        #[arg(long)]
        hangup: bool,
    },
    /// Give an account a new password, made and shown once, unless --password-stdin is given.
    Password {
        /// Its name.
        name: String,
        /// Read the password from standard input, a line.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Let an account register and call again.
    Enable {
        /// Its name.
        name: String,
    },
    /// Keep an account from registering and calling. Its calls go on.
    Disable {
        /// Its name.
        name: String,
        /// End its calls too.
        #[arg(long)]
        hangup: bool,
    },
}

impl Accounts {
    pub(super) fn run(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        match self {
            Self::List => list(client, json),
            Self::Add { name, display_name, password_stdin } => {
                let mut body = json!({ "name": name });
                if let Some(display_name) = display_name {
                    body["display-name"] = display_name.into();
                }
                write(client, json, "add", body, password_stdin)
            }
            Self::Import { file } => import::run(client, json, file.as_deref()),
            Self::Password { name, password_stdin } => {
                write(client, json, "set-password", json!({ "name": name }), password_stdin)
            }
            Self::Remove { name, hangup } => {
                write(client, json, "remove", json!({ "name": name }), false)?;
                if hangup { hang_up(client, &name) } else { Ok(()) }
            }
            Self::Enable { name } => write(client, json, "enable", json!({ "name": name }), false),
            Self::Disable { name, hangup } => {
                write(client, json, "disable", json!({ "name": name }), false)?;
                if hangup { hang_up(client, &name) } else { Ok(()) }
            }
        }
    }
}

fn list(client: &mut Client, json: bool) -> Result<(), CtlError> {
    let accounts = client.list("accounts", "list", "accounts", json!({}), None)?;
    if json {
        print::line(&format!("{:#}", Value::Array(accounts)));
        return Ok(());
    }
    let mut table = Table::new(&["account", "name", "enabled", "made (UTC)"]);
    for account in &accounts {
        table.row([
            show::text(&account["account"]),
            show::text(&account["display-name"]),
            show::text(&account["enabled"]),
            show::time(&account["created"]),
        ]);
    }
    print::out(&if table.len() == 0 { "no accounts\n".to_owned() } else { table.render() });
    Ok(())
}

/// Ends the calls that an account's phones are in. None begins any more.
fn hang_up(client: &mut Client, name: &str) -> Result<(), CtlError> {
    for call in client.list("calls", "list", "calls", json!({ "party": name }), None)? {
        let is_leg = |leg: &Value| leg["peer"].as_str() == Some(name);
        if call["legs"].as_array().is_some_and(|legs| legs.iter().any(is_leg)) {
            match client.ask("calls", "hangup", json!({ "call": call["call"] })) {
                // It has ended meanwhile.
                Err(CtlError::Refused { code, .. }) if code == "not-found" => {}
                done => drop(done?),
            }
        }
    }
    Ok(())
}

/// A password never stands on the command line, where others see it.
fn write(client: &mut Client, json: bool, message: &str, mut body: Value, stdin: bool) -> Result<(), CtlError> {
    if stdin {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        read.map_err(|error| CtlError::Broken(format!("no password could be read: {error}")))?;
        body["password"] = line.trim_end_matches(['\n', '\r']).into();
    }
    let done = client.ask("accounts", message, body)?;
    if json {
        print::line(&format!("{done:#}"));
    } else if let Some(password) = done["password"].as_str() {
        print::line(&format!("user {} password {password}", show::text(&done["account"])));
    } else {
        print::line("done");
    }
    Ok(())
}
