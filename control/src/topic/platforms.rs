//! Platforms: which there are, how each is reached, and news of it; forgetting one.

use super::page_limit;
use crate::limits::{CHANGE_WITHIN, QUERY_WITHIN};
use crate::protocol::request::bounded;
use crate::protocol::{Code, Problem, Request};
use crate::question::{Action, Feed, Filter, Gather, Page, Question, Recipients, Step, only};
use router::parameter::{Parameter, Platform, PlatformState, Selection};
use router::{Command, ModuleKind, PlatformId, one};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const MESSAGES: &[&str] = &["list", "forget", "subscribe", "unsubscribe"];

/// A platform by its number or its name; a number may be a text, too.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a platform's number or name")]
enum Named {
    Number(u32),
    Name(String),
}

impl Named {
    fn text(self) -> Result<String, Problem> {
        match self {
            Self::Number(number) => Ok(number.to_string()),
            Self::Name(name) => bounded("platform", name),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    platform: Option<Named>,
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forget {
    platform: Named,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

pub(super) fn action(request: &Request) -> Result<Action, Problem> {
    Ok(match request.header.message.as_str() {
        "list" => Action::Ask(list(request.parameters()?)?),
        "forget" => Action::Ask(forget(request.parameters()?)?),
        "subscribe" => {
            let Nothing {} = request.parameters()?;
            Action::Follow(Feed::Platforms, Filter::default())
        }
        _ => {
            let Nothing {} = request.parameters()?;
            Action::Unfollow(Feed::Platforms)
        }
    })
}

/// `Query × Platform, Selection` to the inter-platform interface.
fn list(list: List) -> Result<Question, Problem> {
    Ok(Question {
        to: Recipients::Each(ModuleKind::Bridge),
        command: Command::Query,
        parameters: one(Platform::default()),
        within: QUERY_WITHIN,
        gather: Gather::Page(Page {
            key: "platforms",
            item: |parameter| match parameter {
                Parameter::Platform(platform) => Some(to_json(platform)),
                _ => None,
            },
            selection: Selection { name: list.platform.map(Named::text).transpose()?, ..Selection::default() },
            cursor: list.cursor,
            limit: page_limit(list.limit)?,
        }),
        slow: false,
    })
}

/// `Close × Platform` to the inter-platform interface.
fn forget(forget: Forget) -> Result<Question, Problem> {
    let name = forget.platform.text()?;
    let asked = match name.parse() {
        Ok(number) => Platform { id: PlatformId(number), ..Platform::default() },
        Err(_) => Platform { name, ..Platform::default() },
    };
    let to = Recipients::Each(ModuleKind::Bridge);
    Ok(Question::new(to, Command::Close, one(asked), CHANGE_WITHIN, |answers| {
        only(answers).map_err(|problem| match problem.code {
            Code::NotFound => Problem::because(Code::NotFound, "there is no platform of that number, or name"),
            _ => problem,
        })?;
        Ok(Step::Done(json!({})))
    }))
}

/// An event's message: how the platform is reached now.
pub(crate) const fn event_name(platform: &Platform) -> &'static str {
    platform.state.name()
}

/// A platform.
pub(crate) fn to_json(platform: &Platform) -> Value {
    let load = |thousandths: u16| f64::from(thousandths) / 1000.0;
    let modules: Vec<Value> = platform
        .modules
        .iter()
        .map(|module| {
            let name = router::address::Module::new(module.kind, module.index).to_string();
            json!({ "module": name, "load": load(module.load_thousandths) })
        })
        .collect();
    let busiest = platform.modules.iter().map(|module| module.load_thousandths).max();
    json!({
        "platform": Some(platform.id.0).filter(|_| platform.id.is_identity()),
        "name": platform.name,
        "state": platform.state.name(),
        "reachable": platform.state != PlatformState::Down,
        "address": platform.address,
        "via": platform.via.map(|via| via.0),
        "version": platform.version,
        "load": busiest.map(load),
        "modules": modules,
        "round-trip-ms": platform.round_trip_us.map(|micros| f64::from(micros) / 1000.0),
        "queued": platform.queued,
        "in-flight": platform.in_flight,
        "dropped": platform.dropped,
        "packets-in": platform.packets_in,
        "octets-in": platform.octets_in,
        "packets-out": platform.packets_out,
        "octets-out": platform.octets_out,
        "writes": platform.writes,
        "last-error": platform.last_error,
        "since": platform.since.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::parameter::PlatformModule;

    #[test]
    fn a_platform_shows_its_way_and_its_busiest_module() {
        let modules = vec![
            PlatformModule { kind: ModuleKind::Voice, index: 1, load_thousandths: 250 },
            PlatformModule { kind: ModuleKind::Switch, index: 0, load_thousandths: 30 },
        ];
        let platform = Platform {
            id: PlatformId(3),
            name: "west".to_owned(),
            state: PlatformState::Via,
            via: Some(PlatformId(2)),
            modules,
            round_trip_us: Some(1_500),
            ..Platform::default()
        };
        let json = to_json(&platform);
        assert_eq!((&json["platform"], &json["via"], &json["state"]), (&json!(3), &json!(2), &json!("via")));
        assert_eq!((&json["load"], &json["round-trip-ms"]), (&json!(0.25), &json!(1.5)));
        assert_eq!(json["modules"][0], json!({ "module": "voice/1", "load": 0.25 }));
        assert_eq!(json["reachable"], true);
        let gone = to_json(&Platform::default());
        assert_eq!((&gone["state"], &gone["load"], &gone["reachable"]), (&json!("down"), &Value::Null, &json!(false)));
        assert_eq!(gone["platform"], Value::Null, "an address of the configuration where nobody was met yet");
    }
}
