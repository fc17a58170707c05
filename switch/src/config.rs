//! What the operator sets.

use crate::key_forms::KeyForms;
use crate::limits::{CALLS_MAX, OVERLOAD_AFTER};
use crate::plan::{Plan, Redirects};
use crate::relaying::Relaying;
use crate::services::Services;
use crate::transcoding::Transcoding;
use router::time::Duration;
use router::{PlatformId, Shards};
use std::net::{IpAddr, Ipv4Addr};

/// The configuration of a [`Switch`](crate::Switch). A call keeps the one that it began with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The shards of the platform: each has a switch, and the signaling module that is an account's home its bindings. Stays
    /// what it was at the start.
    pub shards: Shards,
    /// Media workers of the platform, by their indices from 0: a call that one has no ports for is put to the others. Stays what
    /// it was at the start.
    pub media_workers: u8,
    /// Whither calls go.
    pub plan: Plan,
    /// Calls up at once on all shards; one more is refused as congestion. 0: the platform is about to end and takes none.
    pub calls_max: usize,
    /// Pairs of media ports that an address of the platform has: calls of other platforms do not take those of all that begin here. Default:
    /// more than [`calls_max`](Self::calls_max) calls need.
    pub media_ports: usize,
    /// From a call's begin to its answer, over all destinations. Default 3 minutes: RFC 3261 §16.6 lets no proxy wait less.
    pub setup_timeout: Duration,
    /// How long a destination rings where the plan does not say. Default 60 seconds: ten rings, as telephone networks do.
    pub ring_timeout: Duration,
    /// Longest call; `None`: any. Default 12 hours: a call that both ends forgot does not bill for days.
    pub length_max: Option<Duration>,
    /// How long an answered leg may send no media, where neither hold nor silence suppression explains it; `None`: for
    /// ever. Default 60 seconds: ten lost RTCP intervals.
    pub media_silence: Option<Duration>,
    /// How often the peers of an answered call are asked whether they are there while their media cannot tell: on hold, or where
    /// silence suppression is agreed on; `None`: never. Default 2 minutes: two small messages, and what nobody holds any more
    /// costs no more than that.
    pub supervision: Option<Duration>,
    /// How long who asked for a blind transfer rings when that has come to nothing and it has hung up already: the one who was sent
    /// on comes back to it; `None`: that one's call ends. Default 30 seconds: whoever has just sent somebody on is at hand.
    pub recall: Option<Duration>,
    /// What is done when a registered phone sends a call elsewhere. Default: followed, so that forwarding which is set at a phone
    /// works; the phone's account must be allowed to call there. Of trunks, see [`Trunk`](crate::plan::Trunk).
    pub redirects: Redirects,
    /// What a caller hears when a callee rings after its early media.
    pub early_ringing: EarlyRinging,
    /// How peers have keys.
    pub keys: KeyForms,
    /// Whose legs may need an address at a server that relays.
    pub relaying: Relaying,
    /// What is done where two legs have no sound in common.
    pub transcoding: Transcoding,
    /// How long calls that other platforms ask for may wait while the shard does not catch up, before they are refused; `None`: none waits, and none is.
    pub overload_after: Option<Duration>,
    /// What the media workers' own services speak.
    pub services: Services,
    /// Whether the log shows numbers and names of callers and called.
    pub reveal_numbers: bool,
    /// The platform in its cluster; `None`: it is alone. Whether it is stays as it was at the start.
    pub cluster: Option<Cluster>,
}

/// What a caller hears that has heard a callee's early media, when that one says next that it rings (180 after 183).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum EarlyRinging {
    /// The callee still: it mostly sends the ringing tone itself.
    #[default]
    Keep,
    /// A ringing tone of ours.
    Local,
}

/// A platform that is linked with others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cluster {
    /// Its number.
    pub platform: PlatformId,
    /// Its name.
    pub name: String,
    /// The local address of media from and to other platforms. Default: unspecified, which is the workers' own of that family.
    pub media: IpAddr,
    /// For how long a call goes on while the platform of one of its legs is not reached. Default 3 minutes: longer than a machine
    /// takes to restart or a line to be switched over, shorter than two people hold a dead one.
    pub call_grace: Duration,
}

impl Cluster {
    /// The platform of that number and name.
    pub fn new(platform: PlatformId, name: impl Into<String>) -> Self {
        Self {
            platform,
            name: name.into(),
            media: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            call_grace: Duration::from_secs(180),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            shards: Shards::default(),
            media_workers: 1,
            plan: Plan::default(),
            calls_max: CALLS_MAX,
            media_ports: usize::MAX,
            setup_timeout: Duration::from_secs(180),
            ring_timeout: Duration::from_secs(60),
            length_max: Some(Duration::from_secs(12 * 3600)),
            media_silence: Some(Duration::from_secs(60)),
            supervision: Some(Duration::from_secs(120)),
            recall: Some(Duration::from_secs(30)),
            redirects: Redirects::Follow,
            early_ringing: EarlyRinging::Keep,
            keys: KeyForms::default(),
            relaying: Relaying::default(),
            transcoding: Transcoding::default(),
            overload_after: Some(OVERLOAD_AFTER),
            services: Services::default(),
            reveal_numbers: false,
            cluster: None,
        }
    }
}
