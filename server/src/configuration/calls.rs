//! What the switch is told.

use super::model::Configuration;
use super::value::{Dtmf, EarlyRinging};
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

/// What the switch of each shard is told.
pub fn config(configuration: &Configuration, shards: &Shards, media_workers: u8) -> switch::Config {
    let calls = &configuration.calls;
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    switch::Config {
        shards: shards.clone(),
        media_workers,
        plan: plan::plan(configuration),
        calls_max: calls.max as usize,
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
