//! Accounts: who may register and call.

use super::{Context, page_limit};
use crate::limits::{ACCOUNT_NAME_BYTES, CHANGE_WITHIN, PASSWORD_CHARACTERS_MIN, TEXT_BYTES};
use crate::password;
use crate::protocol::request::bounded;
use crate::protocol::{Code, Problem, Request};
use crate::question::{Action, Answer, Gather, Page, Question, Recipients, Step, only};
use router::parameter::{Account, AccountCredential, Parameter, Reason, Selection};
use router::time::WallTime;
use router::{Command, ModuleKind, Parameters, Private, Random, one};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const MESSAGES: &[&str] = &["list", "add", "remove", "set-password", "enable", "disable"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    name: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Add {
    name: String,
    password: Option<String>,
    display_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetPassword {
    name: String,
    password: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

pub(super) fn action(request: &Request, context: &mut Context<'_>) -> Result<Action, Problem> {
    Ok(Action::Ask(match request.header.message.as_str() {
        "list" => list(request.parameters()?)?,
        "add" => add(request.parameters()?, context)?,
        "set-password" => {
            let SetPassword { name, password } = request.parameters()?;
            let (credential, told) = credential(password, context.random)?;
            change(account_name(name)?, told, move |account| account.credential = credential)
        }
        "enable" => change(named(request)?, None, |account| account.enabled = true),
        "disable" => change(named(request)?, None, |account| account.enabled = false),
        _ => remove(named(request)?),
    }))
}

fn list(list: List) -> Result<Question, Problem> {
    Ok(Question {
        to: Recipients::Each(ModuleKind::Store),
        command: Command::Query,
        parameters: one(blank(String::new())),
        within: CHANGE_WITHIN,
        gather: Gather::Page(Page {
            key: "accounts",
            item: |parameter| match parameter {
                Parameter::Account(account) => Some(to_json(account)),
                _ => None,
            },
            selection: Selection {
                name: list.name.map(|name| bounded("name", name)).transpose()?,
                ..Selection::default()
            },
            cursor: list.cursor,
            limit: page_limit(list.limit)?,
        }),
        slow: false,
    })
}

/// Asks first whether there is one of that name: `Set × Account` alone would change it.
fn add(add: Add, context: &mut Context<'_>) -> Result<Question, Problem> {
    let name = account_name(add.name)?;
    let display_name = add.display_name.map(|name| bounded("display-name", name)).transpose()?;
    let (credential, told) = credential(add.password, context.random)?;
    let account = Account {
        display_name: display_name.map(Private::new),
        credential,
        created: context.now.wall,
        ..blank(name.clone())
    };
    Ok(read(name, move |found| match found {
        Some(_) => Err(Problem::because(Code::Exists, "there is an account of that name")),
        None => Ok(Step::Ask(write(account, told))),
    }))
}

/// Reads the account, changes it, and writes it back; what is not changed stays, the credential too.
fn change(name: String, told: Option<String>, change: impl FnOnce(&mut Account) + Send + 'static) -> Question {
    read(name, move |found| {
        let mut account = found.ok_or_else(no_such_account)?;
        account.credential = AccountCredential::Withheld;
        change(&mut account);
        Ok(Step::Ask(write(account, told)))
    })
}

fn remove(name: String) -> Question {
    let to = Recipients::Any(ModuleKind::Store);
    Question::new(to, Command::Close, one(blank(name)), CHANGE_WITHIN, |answers| {
        only(answers).map_err(|problem| if problem.code == Code::NotFound { no_such_account() } else { problem })?;
        Ok(Step::Done(json!({})))
    })
}

/// Reads one account and goes on with it, or with `None` where there is none.
fn read(name: String, then: impl FnOnce(Option<Account>) -> Result<Step, Problem> + Send + 'static) -> Question {
    let selection = Selection { name: Some(name.clone()), ..Selection::default() };
    let parameters: Parameters = [Parameter::from(blank(name.clone())), selection.into()].into_iter().collect();
    let finish = move |answers: Vec<Answer>| {
        let found = match answers.into_iter().next().map(|answer| answer.result) {
            Some(Ok(parameters)) => parameters.into_iter().find_map(|parameter| match parameter {
                Parameter::Account(account) if account.name == name => Some(*account),
                _ => None,
            }),
            Some(Err(failure)) if failure.reason == Reason::NotFound => None,
            Some(Err(failure)) => return Err(failure.into()),
            None => return Err(Problem::new(Code::Unavailable)),
        };
        then(found)
    };
    Question::new(Recipients::Any(ModuleKind::Store), Command::Query, parameters, CHANGE_WITHIN, finish)
}

/// `Set × Account`; the reply tells a password that was made here, once.
fn write(account: Account, told: Option<String>) -> Question {
    let name = account.name.clone();
    let to = Recipients::Any(ModuleKind::Store);
    Question::new(to, Command::Set, one(account), CHANGE_WITHIN, move |answers| {
        only(answers)?;
        let mut reply = json!({ "account": name });
        if let Some(password) = told {
            reply["password"] = password.into();
        }
        Ok(Step::Done(reply))
    })
}

/// The password that the client gave; or a random one, and what to tell of it.
fn credential(given: Option<String>, random: &mut Random) -> Result<(AccountCredential, Option<String>), Problem> {
    match given {
        Some(password) => {
            let characters = password.chars().count();
            if characters < PASSWORD_CHARACTERS_MIN
                || password.len() > TEXT_BYTES
                || password.chars().any(char::is_control)
            {
                let why = format!(
                    "a password has at least {PASSWORD_CHARACTERS_MIN} characters, and at most {TEXT_BYTES} bytes"
                );
                return Err(Problem::because(Code::Invalid, why));
            }
            Ok((AccountCredential::Password(Private::new(password)), None))
        }
        None => {
            let password = password::random(random);
            Ok((AccountCredential::Password(Private::new(password.clone())), Some(password)))
        }
    }
}

fn named(request: &Request) -> Result<String, Problem> {
    account_name(request.parameters::<Named>()?.name)
}

/// A name that needs no escape as the user part of a SIP URI (RFC 3261 §25.1: unreserved, and `+`).
fn account_name(name: String) -> Result<String, Problem> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()+".contains(&byte);
    if name.is_empty() || name.len() > ACCOUNT_NAME_BYTES || !name.bytes().all(plain) {
        let why = format!("an account's name has 1 to {ACCOUNT_NAME_BYTES} letters, digits or -_.!~*'()+");
        return Err(Problem::because(Code::Invalid, why));
    }
    Ok(name)
}

fn no_such_account() -> Problem {
    Problem::because(Code::NotFound, "there is no such account")
}

/// An account with nothing but its name.
fn blank(name: String) -> Account {
    Account {
        name,
        display_name: None,
        credential: AccountCredential::Withheld,
        enabled: true,
        created: WallTime::default(),
        removed: false,
    }
}

fn to_json(account: &Account) -> Value {
    json!({
        "account": account.name,
        "display-name": account.display_name.as_ref().map(|name| name.reveal().clone()),
        "enabled": account.enabled,
        "created": account.created.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_a_sip_uri() {
        assert!(account_name("alice.b+1".into()).is_ok());
        for bad in ["", "a b", "a@b", "ä", "a;b", "a%41", &"a".repeat(65)] {
            assert!(account_name(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_short_password_is_refused_and_a_missing_one_is_made() {
        let mut random = Random::from_seed(1);
        assert!(credential(Some("short".into()), &mut random).is_err());
        assert!(matches!(credential(Some("long enough".into()), &mut random), Ok((_, None))));
        let (_, told) = credential(None, &mut random).unwrap();
        let (_, other) = credential(None, &mut random).unwrap();
        assert!(told.is_some() && told != other);
    }
}
