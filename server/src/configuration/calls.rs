//! What the switch is told.

use super::model::Configuration;
use super::value::EarlyRinging;
use super::{bridge, codecs, plan};
use router::Shards;
use router::time::Duration;

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
        transcoding: codecs::transcoding(configuration),
        reveal_numbers: configuration.log.reveal,
        cluster: bridge::cluster(configuration),
    }
}
