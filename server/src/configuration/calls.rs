//! What the switch is told.

use super::model::Configuration;
use super::value::{Dtmf, EarlyRinging, Ice, PortRange};
use super::{bridge, codecs, plan, sip};
use router::Shards;
use router::parameter::KeyForm;
use router::time::Duration;

/// How peers have keys.
fn key_forms(configuration: &Configuration) -> switch::KeyForms {
    let form = |dtmf: Dtmf| match dtmf {
        Dtmf::Auto => None,
        Dtmf::Rfc4733 => Some(KeyForm::Events),
        Dtmf::Info => Some(KeyForm::Signalled),
        Dtmf::Inband => Some(KeyForm::Tones),
    };
    let calls = &configuration.calls;
    let trunks = configuration.trunk.iter().filter_map(|trunk| Some((trunk.name.clone(), form(trunk.dtmf?))));
    switch::KeyForms {
        usual: form(calls.dtmf),
        accounts: calls.account_dtmf.iter().map(|(name, dtmf)| (name.clone(), form(*dtmf))).collect(),
        trunks: trunks.collect(),
    }
}

/// Whose legs may need an address at a server that relays: those that ways are offered to, and those that offer them.
fn relaying(configuration: &Configuration) -> switch::Relaying {
    let is_offered = |ice: Ice| matches!(ice, Ice::Offer | Ice::Must);
    let sip = &configuration.sip;
    let trunks = configuration.trunk.iter().filter_map(|trunk| Some((trunk.name.clone(), is_offered(trunk.ice?))));
    switch::Relaying {
        has_servers: !configuration.turn.is_empty() && !sip.ice_lite,
        usual: is_offered(sip.ice),
        accounts: sip.ice_accounts.iter().map(|(name, ice)| (name.clone(), is_offered(*ice))).collect(),
        trunks: trunks.collect(),
    }
}

/// Pairs of ports of one address that are not kept for emergencies.
fn media_ports(configuration: &Configuration) -> usize {
    let PortRange { first, last } = configuration.media.ports;
    let pairs = (usize::from(last) + 1).saturating_sub(usize::from(first).next_multiple_of(2)) / 2;
    let kept = if configuration.calls.emergency.is_empty() { 0 } else { configuration.media.emergency_ports as usize };
    pairs.saturating_sub(kept)
}

/// What the switch of each shard is told.
pub fn config(configuration: &Configuration, shards: &Shards, media_workers: u8) -> switch::Config {
    let calls = &configuration.calls;
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    switch::Config {
        shards: shards.clone(),
        media_workers,
        plan: plan::plan(configuration),
        calls_max: calls.max as usize,
        media_ports: media_ports(configuration),
        setup_timeout: seconds(calls.setup_timeout_s),
        ring_timeout: seconds(calls.ring_timeout_s),
        recall: (calls.recall_s > 0).then(|| seconds(calls.recall_s)),
        length_max: (calls.length_max_s > 0).then(|| seconds(calls.length_max_s)),
        media_silence: (calls.media_silence_s > 0).then(|| seconds(calls.media_silence_s)),
        supervision: (calls.supervise_s > 0).then(|| seconds(calls.supervise_s)),
        redirects: plan::redirects(calls.redirects),
        early_ringing: match calls.early_ringing {
            EarlyRinging::Keep => switch::EarlyRinging::Keep,
            EarlyRinging::Local => switch::EarlyRinging::Local,
        },
        keys: key_forms(configuration),
        relaying: relaying(configuration),
        transcoding: codecs::transcoding(configuration),
        overload_after: sip::overload_after(configuration),
        services: switch::Services { spoken: media::spoken_codecs() },
        reveal_numbers: configuration.log.reveal,
        cluster: bridge::cluster(configuration),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn legs_that_ways_are_offered_to_may_need_a_relay() {
        let turn = "[[turn]]\nserver = \"192.0.2.1:3478\"\nusername = \"u\"\npassword = \"p\"\n";
        let text = format!(
            "[sip]\nice_lite = false\nice = \"offer\"\nice_accounts = {{ desk = \"may\", car = \"must\" }}\n{turn}\
             [[trunk]]\nname = \"a\"\naddress = \"192.0.2.7\"\nice = \"never\"\n\
             [[trunk]]\nname = \"b\"\naddress = \"192.0.2.8\""
        );
        let relaying = relaying(&read(&text).unwrap());
        assert!(relaying.has_servers && relaying.usual);
        assert_eq!(relaying.accounts, [("car".to_owned(), true), ("desk".to_owned(), false)].into());
        assert_eq!(relaying.trunks, [("a".to_owned(), false)].into());
        assert!(!super::relaying(&read("[sip]\nice_lite = false").unwrap()).has_servers);
    }

    #[test]
    fn keys_have_a_form_that_accounts_and_trunks_may_change() {
        let text = r#"
            [calls]
            dtmf = "rfc4733"
            account_dtmf = { door = "inband", lift = "auto" }
            [[trunk]]
            name = "carrier"
            address = "192.0.2.1"
            dtmf = "info"
            [[trunk]]
            name = "other"
            address = "192.0.2.2"
        "#;
        let forms = key_forms(&read(text).unwrap());
        assert_eq!(forms.usual, Some(KeyForm::Events));
        assert_eq!((forms.accounts["door"], forms.accounts["lift"]), (Some(KeyForm::Tones), None));
        assert_eq!(forms.trunks.into_iter().collect::<Vec<_>>(), [("carrier".to_owned(), Some(KeyForm::Signalled))]);
        assert!(read("[calls]\ndtmf = \"rfc2833\"").is_err());
    }
}
