//! What the switch is told of codecs: what can be coded, and whom that is offered.

use super::model::Configuration;
use super::value::CodecsOffered;
use router::parameter::Codec;
use switch::Transcoding;

/// The codecs of a configuration that has no [faults].
pub fn transcoding(configuration: &Configuration) -> Transcoding {
    let served = media::served_codecs();
    let named = |names: &[String]| names.iter().filter_map(|name| named(&served, name)).collect();
    let calls = &configuration.calls;
    let accounts = calls.account_codecs.iter().map(|(account, names)| (account.clone(), named(names)));
    let trunks = configuration.trunk.iter().filter_map(|trunk| {
        let names = trunk.codecs.as_ref()?;
        Some((trunk.name.clone(), named(names)))
    });
    Transcoding {
        offered: named(&calls.codecs),
        at_once: calls.codecs_offered == CodecsOffered::Always,
        accounts: accounts.collect(),
        trunks: trunks.collect(),
        served,
    }
}

/// Codecs that are not known: the path of the key, and why.
pub fn faults(configuration: &Configuration) -> Vec<(String, String)> {
    let served = media::served_codecs();
    let calls = &configuration.calls;
    let accounts = calls.account_codecs.values().map(|names| ("calls.account_codecs".to_owned(), names));
    let trunks = configuration.trunk.iter().enumerate();
    let trunks = trunks.filter_map(|(index, trunk)| Some((format!("trunk[{index}].codecs"), trunk.codecs.as_ref()?)));
    let all = std::iter::once(("calls.codecs".to_owned(), &calls.codecs)).chain(accounts).chain(trunks);
    let mut faults = Vec::new();
    for (path, names) in all {
        for (index, name) in names.iter().enumerate() {
            if named(&served, name).is_none() {
                faults.push((path.clone(), format!("`{name}` is no codec that can be coded")));
            } else if names[..index].contains(name) {
                faults.push((path.clone(), format!("`{name}` is there twice")));
            }
        }
    }
    faults
}

/// `NAME`, `NAME/CLOCK` or `NAME/CLOCK/CHANNELS`: the first of that kind.
fn named(served: &[Codec], text: &str) -> Option<Codec> {
    let mut parts = text.split('/');
    let name = parts.next()?;
    let clock = parts.next().map(str::parse::<u32>).transpose().ok()?;
    let channels = parts.next().map(str::parse::<u8>).transpose().ok()?;
    if parts.next().is_some() {
        return None;
    }
    let is_meant = |codec: &&Codec| {
        codec.name.eq_ignore_ascii_case(name)
            && clock.is_none_or(|clock| codec.clock_rate_hz == clock)
            && channels.is_none_or(|channels| codec.channels == channels)
    };
    served.iter().find(is_meant).cloned()
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn names_are_those_of_sdp_and_accounts_and_trunks_have_their_own() {
        let text = r#"
            [calls]
            codecs = ["pcma", "OPUS", "L16/16000"]
            codecs_offered = "always"
            account_codecs = { door = ["GSM"], lift = [] }
            [[trunk]]
            name = "carrier"
            address = "192.0.2.1"
            codecs = ["PCMU"]
        "#;
        let transcoding = transcoding(&read(text).unwrap());
        let names = |codecs: &[Codec]| -> Vec<String> {
            codecs.iter().map(|codec| format!("{}/{}/{}", codec.name, codec.clock_rate_hz, codec.channels)).collect()
        };
        assert_eq!(names(&transcoding.offered), ["PCMA/8000/1", "opus/48000/2", "L16/16000/1"]);
        assert_eq!(names(&transcoding.accounts["door"]), ["GSM/8000/1"]);
        assert!(transcoding.accounts["lift"].is_empty() && transcoding.at_once);
        assert_eq!(names(&transcoding.trunks["carrier"]), ["PCMU/8000/1"]);
        let numbers: std::collections::BTreeSet<u8> =
            transcoding.served.iter().map(|codec| codec.payload_type).collect();
        assert_eq!(numbers.len(), transcoding.served.len(), "no two with one number");
    }

    #[test]
    fn what_cannot_be_coded_is_told() {
        let text = "[calls]\ncodecs = [\"AMR\", \"PCMA\", \"PCMA\"]\naccount_codecs = { a = [\"L16/7\"] }";
        let faults = faults(&toml::from_str(text).unwrap());
        let told: Vec<_> = faults.iter().map(|(path, why)| format!("{path}: {why}")).collect();
        assert_eq!(
            told,
            [
                "calls.codecs: `AMR` is no codec that can be coded",
                "calls.codecs: `PCMA` is there twice",
                "calls.account_codecs: `L16/7` is no codec that can be coded",
            ]
        );
    }
}
