//! A call as a phone sees it.

use super::behaviour::Step;
use super::media::Media;
use super::session_timer::SessionInterval;
use super::transaction::Success;
use bytes::Bytes;
use router::time::Instant;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Names a call of a phone: the order in which they began.
pub type CallIndex = usize;

/// How far a call is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallState {
    /// We called, or are called; no answer yet.
    SettingUp,
    /// Answered.
    Up,
    /// Over.
    Ended,
}

/// How a call ended here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// The other side refused our INVITE with that status, 487 after our own CANCEL included.
    Refused(u16),
    /// We refused with that status.
    Rejected(u16),
    /// The caller gave up.
    Cancelled,
    /// We hung up.
    HungUp,
    /// The other side hung up.
    PeerHungUp,
    /// Nobody answered our INVITE.
    NoResponse,
    /// Our answer was never acknowledged.
    NoAck,
    /// A request in mid-call was answered with 481 or 408, or not at all.
    Lost,
    /// Nobody refreshed the session in time.
    Expired,
}

/// What became of a REFER.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Referral {
    /// The response to REFER.
    pub response: Option<u16>,
    /// The status of the last NOTIFY's fragment.
    pub status: Option<u16>,
    /// Whether the subscription was terminated.
    pub terminated: bool,
}

/// A re-INVITE or UPDATE that was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exchange {
    /// When.
    pub at: Instant,
    /// Whether it was ours.
    pub ours: bool,
    /// How.
    pub status: u16,
}

/// A call.
#[derive(Debug)]
pub struct Call {
    /// Its Call-ID.
    pub call_id: String,
    /// Whether we were called.
    pub incoming: bool,
    /// How far it is.
    pub state: CallState,
    /// When it began.
    pub started: Instant,
    /// When it was answered.
    pub up: Option<Instant>,
    /// When it ended.
    pub ended: Option<Instant>,
    /// How.
    pub ending: Option<Ending>,
    /// Provisional responses that we heard or gave.
    pub provisional: Vec<u16>,
    /// Its media.
    pub media: Media,
    /// The peer's identity as shown: From or To, and P-Asserted-Identity.
    pub shown: (String, Option<String>),
    /// Who is at the other end now, as a request within the call has said (P-Asserted-Identity).
    pub other_end: Option<String>,
    /// The Reason header of what ended it.
    pub reason: Option<String>,
    /// INFO bodies received.
    pub information: Vec<Vec<u8>>,
    /// What became of our REFER.
    pub referral: Option<Referral>,
    /// Whether its peer is the focus of a conference, so that a REFER sends nobody away from here.
    pub talks_to_focus: bool,
    /// Statuses of our re-INVITEs and UPDATEs.
    pub offers: Vec<u16>,
    /// How many re-INVITEs and UPDATEs of the peer came.
    pub peer_offers: u32,
    /// Where a 3xx said that the called one is, as it was written.
    pub places: Vec<String>,
    /// Re-INVITEs and UPDATEs of both, as they were answered.
    pub exchanges: Vec<Exchange>,
    /// The INVITE that came in had these headers.
    pub invite_headers: Vec<(String, String)>,
    /// RSeq of the last provisional response that was acknowledged, or is to be.
    pub(crate) rseq: Option<u32>,
    /// Its session interval, where it has one.
    pub session: Option<SessionInterval>,
    /// The longest Min-SE that a 422 told.
    pub(crate) session_least_s: u32,
    pub(crate) local_tag: String,
    pub(crate) remote_tag: Option<String>,
    pub(crate) local_uri: String,
    pub(crate) remote_uri: String,
    /// The peer's Contact, where what is in the dialog goes.
    pub target: String,
    pub(crate) next_hop: SocketAddr,
    pub(crate) routes: Vec<String>,
    pub(crate) cseq: u32,
    pub(crate) remote_cseq: Option<u32>,
    /// The INVITE's server transaction.
    pub(crate) invite_key: Option<String>,
    /// The last ACK to a 2xx, with its CSeq.
    pub(crate) ack: Option<(u32, Bytes)>,
    pub(crate) success: Option<Success>,
    pub(crate) wants_down: bool,
    pub(crate) without_offer: bool,
    /// What a 183 answered: the 200 repeats it.
    pub(crate) early_answer: Option<Vec<u8>>,
    pub(crate) held: bool,
    pub(crate) due: BTreeMap<(Instant, u64), Step>,
    pub(crate) steps: u64,
    pub(crate) script: Vec<(router::time::Duration, Step)>,
}

impl Call {
    /// Its own tag of the dialog.
    pub fn local_tag(&self) -> &str {
        &self.local_tag
    }

    /// The server's tag of the dialog, once known.
    pub fn remote_tag(&self) -> Option<&str> {
        self.remote_tag.as_deref()
    }

    /// The value of a Replaces that names its dialog, as one says it who is to come in the phone's own place.
    pub fn replaces(&self) -> String {
        let peer = self.remote_tag.as_deref().unwrap_or("0");
        format!("{};to-tag={peer};from-tag={}", self.call_id, self.local_tag)
    }

    /// Whether it is not over.
    pub fn is_live(&self) -> bool {
        self.state != CallState::Ended
    }

    /// Whether it is answered and not over.
    pub fn is_up(&self) -> bool {
        self.state == CallState::Up
    }

    /// Whether it was answered at some time.
    pub fn was_answered(&self) -> bool {
        self.up.is_some()
    }

    pub(crate) fn plan(&mut self, at: Instant, step: Step) {
        self.steps += 1;
        self.due.insert((at, self.steps), step);
    }

    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Step> {
        let entry = self.due.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    pub(crate) fn come_up(&mut self, now: Instant) {
        self.state = CallState::Up;
        self.up = Some(now);
        self.due.clear();
        for (after, step) in std::mem::take(&mut self.script) {
            self.plan(now + after, step);
        }
    }

    pub(crate) fn end(&mut self, now: Instant, ending: Ending) {
        if self.state != CallState::Ended {
            self.state = CallState::Ended;
            self.ended = Some(now);
            self.ending = Some(ending);
            self.media.stop();
            self.due.clear();
        }
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        let success = self.success.iter().flat_map(|success| [success.retransmit, success.deadline]);
        let due = self.due.first_key_value().map(|(&(at, _), _)| at);
        let session = self.session.filter(|_| self.is_live()).map(|session| session.due);
        success.chain(session).chain(due).chain(self.media.next()).min()
    }
}
