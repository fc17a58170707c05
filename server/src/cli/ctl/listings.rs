//! `tandem ctl registrations`, `trunks`, `workers`.

use super::client::{Client, CtlError};
use super::show;
use crate::cli::print;
use crate::cli::table::Table;
use clap::Args;
use serde_json::{Value, json};

/// Who is registered.
#[derive(Args, Debug)]
pub(crate) struct Registrations {
    /// Only this account.
    account: Option<String>,
}

impl Registrations {
    pub(super) fn run(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        let mut body = json!({});
        if let Some(account) = self.account {
            body["account"] = account.into();
        }
        let registrations = client.list("registrations", "list", "registrations", body, None)?;
        if json {
            print::line(&format!("{:#}", Value::Array(registrations)));
            return Ok(());
        }
        let mut table =
            Table::new(&["account", "contact", "flow", "reachable", ">round trip", "expires (UTC)", "phone"]);
        for registration in &registrations {
            for contact in registration["contacts"].as_array().into_iter().flatten() {
                let round_trip =
                    contact["latency-ms"].as_f64().map_or("-".to_owned(), |millis| format!("{millis:.1} ms"));
                table.row([
                    show::text(&registration["account"]),
                    show::text(&contact["uri"]),
                    show::text(&contact["flow"]),
                    show::text(&contact["reachable"]),
                    round_trip,
                    show::time(&contact["expires"]),
                    show::text(&contact["user-agent"]),
                ]);
            }
        }
        print::out(&if table.len() == 0 { "nobody is registered\n".to_owned() } else { table.render() });
        Ok(())
    }
}

pub(super) fn trunks(client: &mut Client, json: bool) -> Result<(), CtlError> {
    let reply = client.ask("trunks", "list", json!({}))?;
    if json {
        print::line(&format!("{:#}", reply["trunks"]));
        return Ok(());
    }
    let columns = [
        "trunk",
        "target",
        ">in",
        ">out",
        ">offered",
        ">answered",
        ">failed",
        ">limited",
        ">asr",
        ">pdd",
        "state",
        "registered",
        "last failure",
    ];
    let mut table = Table::new(&columns);
    let keys = ["trunk", "target", "calls-in", "calls-out", "offered", "answered", "failed", "state", "last-failure"];
    for trunk in reply["trunks"].as_array().into_iter().flatten() {
        let mut row: Vec<String> = keys.iter().map(|key| show::text(&trunk[*key])).collect();
        let of = |key: &str, unit: &str| trunk[key].as_u64().map_or("-".to_owned(), |value| format!("{value} {unit}"));
        let measured =
            [of("limited", "").trim().to_owned(), of("answered-percent", "%"), of("post-dial-delay-ms", "ms")];
        row.splice(7..7, measured);
        if let (Some(state), Some(reason)) = (row.get_mut(10), trunk["reason"].as_str())
            && state != reason
        {
            *state = format!("{state}: {reason}");
        }
        row.insert(row.len() - 1, registered(&trunk["registrations"]));
        table.row(row);
    }
    print::out(&if table.len() == 0 { "no trunks\n".to_owned() } else { table.render() });
    Ok(())
}

/// How many of our addresses the trunk keeps, and what it says of the first that it does not.
fn registered(registrations: &Value) -> String {
    let all = registrations.as_array().map(Vec::as_slice).unwrap_or_default();
    let (kept, missing): (Vec<_>, Vec<_>) = all.iter().partition(|own| own["state"] == "registered");
    let why = missing.iter().find_map(|own| own["reason"].as_str());
    match (all.len(), why) {
        (0, _) => "-".to_owned(),
        (count, None) => format!("{} of {count}", kept.len()),
        (count, Some(why)) => format!("{} of {count}: {why}", kept.len()),
    }
}

pub(super) fn workers(client: &mut Client, json: bool) -> Result<(), CtlError> {
    let reply = client.ask("workers", "list", json!({}))?;
    if json {
        print::line(&format!("{:#}", reply["workers"]));
        return Ok(());
    }
    print::out(&render_workers(&reply["workers"]));
    Ok(())
}

fn render_workers(workers: &Value) -> String {
    let mut table = Table::new(&["worker", "state", "core", ">load", "sessions", "ports", ">late p99", ">delay p99"]);
    for worker in workers.as_array().into_iter().flatten() {
        let resources: Vec<&Value> = worker["resources"].as_array().into_iter().flatten().collect();
        let of = |kind: &str| resources.iter().find(|resource| resource["kind"] == kind);
        let share =
            |kind: &str| of(kind).map_or("-".to_owned(), |resource| show::share(&resource["used"], &resource["total"]));
        let distributions = worker["distributions"].as_array();
        let within = |name: &str| {
            let found = distributions.into_iter().flatten().find(|distribution| distribution["name"] == name);
            found.and_then(percentile_99).map_or("-".to_owned(), |bound| format!("<= {bound} us"))
        };
        table.row([
            show::text(&worker["module"]),
            show::text(&worker["state"]),
            of("core").map_or("-".to_owned(), |core| show::text(&core["name"])),
            of("core").map_or("-".to_owned(), |core| format!("{} %", show::text(&core["used"]))),
            share("sessions"),
            share("media-ports"),
            within("worker_tick_lateness_us"),
            within("worker_relay_delay_us"),
        ]);
    }
    if table.len() == 0 { "no workers\n".to_owned() } else { table.render() }
}

/// The bound of the bucket that holds the 99th percentile; `None`: nothing was counted, or it lies above all bounds.
fn percentile_99(distribution: &Value) -> Option<u64> {
    let count = distribution["count"].as_u64().filter(|&count| count > 0)?;
    let wanted = count - count / 100;
    let mut buckets = distribution["buckets"].as_array()?.iter();
    buckets.find(|bucket| bucket[1].as_u64().is_some_and(|below| below >= wanted))?[0].as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_shows_how_late_it_is() {
        let workers = json!([{
            "module": "voice/0", "state": "ready",
            "resources": [{ "kind": "core", "name": "1", "used": 12, "total": 100 }, { "kind": "sessions", "used": 4, "total": null }],
            "distributions": [
                { "name": "worker_tick_lateness_us", "count": 200, "buckets": [[100, 190], [500, 199], [1000, 200]] },
                { "name": "worker_relay_delay_us", "count": 100, "buckets": [[100, 98], [250, 99], [500, 100]] },
            ],
        }]);
        let text = render_workers(&workers);
        assert!(text.contains("<= 500 us  <= 250 us") && text.contains("12 %"), "{text}");
        assert_eq!(percentile_99(&json!({ "count": 0, "buckets": [] })), None);
    }
}
