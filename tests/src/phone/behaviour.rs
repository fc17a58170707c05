//! What a phone does by itself.

use super::media::HoldStyle;
use router::time::Duration;

/// What it does when it is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Behaviour {
    /// When it says 180.
    pub ring: Option<Duration>,
    /// When it says 183 with a description, and sends media before it answers.
    pub early_media: Option<Duration>,
    /// How it ends.
    pub then: Then,
    /// What it does once the call is up.
    pub script: Vec<(Duration, Step)>,
}

/// How it treats a call in the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Then {
    /// It answers after that time.
    Answer(Duration),
    /// It refuses with that status after that time.
    Reject(Duration, u16),
    /// It says after that time that its user is at another number: 302 (forwarding). Or at several, with commas between; each may have
    /// parameters: `carol;q=0.5,dave`.
    Forward(Duration, String),
    /// It rings for ever.
    Ring,
    /// It does not even say that it heard.
    Silence,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self::answers(Duration::from_millis(700))
    }
}

impl Behaviour {
    /// Rings at once and answers after that time.
    pub fn answers(after: Duration) -> Self {
        Self { ring: Some(Duration::from_millis(50)), early_media: None, then: Then::Answer(after), script: Vec::new() }
    }

    /// Refuses without ringing.
    pub fn rejects(status: u16) -> Self {
        Self { ring: None, then: Then::Reject(Duration::from_millis(20), status), ..Self::default() }
    }

    /// Sends every call on to another number.
    pub fn forwards(to: &str) -> Self {
        Self { ring: None, then: Then::Forward(Duration::from_millis(20), to.to_owned()), ..Self::default() }
    }

    /// Rings for ever.
    pub fn rings() -> Self {
        Self { then: Then::Ring, ..Self::default() }
    }

    /// Does not answer anything.
    pub fn silent() -> Self {
        Self { ring: None, then: Then::Silence, ..Self::default() }
    }

    /// And then does this, each so long after the call is up.
    pub fn with_script(self, script: Vec<(Duration, Step)>) -> Self {
        Self { script, ..self }
    }
}

/// One thing to do in a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Says 180.
    Ring,
    /// Says 183 with a description.
    Early,
    /// Answers.
    Answer,
    /// Refuses with that status.
    Reject(u16),
    /// Says 302 with that number.
    Forward(String),
    /// Ends the call: BYE, CANCEL or a refusal, as its state asks.
    HangUp,
    /// Is switched off and on: knows no more of the call, and says nothing.
    Forget,
    /// Holds.
    Hold(HoldStyle),
    /// Retrieves.
    Retrieve,
    /// A re-INVITE that changes nothing, with an offer.
    Refresh,
    /// A re-INVITE with a new key.
    Rekey,
    /// A re-INVITE by which it looks for ways anew (ICE).
    SeekAnew,
    /// Its network lets nothing of its ways through any more, until it is asked to begin anew.
    GoDeaf,
    /// A re-INVITE without an offer, answered by what the phone does at present: holds or not.
    RefreshWithoutOffer,
    /// Retrieves by the answer to an offer that it asks for.
    RetrieveWithoutOffer,
    /// A re-INVITE that offers the direction in force, as phones do that know of no wish apart from that.
    RefreshAsItIs,
    /// An UPDATE with an offer.
    Update,
    /// A session refresh: an UPDATE without an offer, or as [`Refresh`](Self::Refresh) where it sends no UPDATE.
    Renew,
    /// An INFO with a body.
    Info,
    /// A key, in an INFO.
    InfoKey(char),
    /// A key, as RFC 4733.
    Press(u8),
    /// Its sound begins anew, with another SSRC, number and timestamp, as when a device behind it changes.
    NewSource,
    /// A blind transfer to that user.
    Transfer(String),
    /// A transfer to the other party of the phone's latest other call, if it has one: REFER to an address with Replaces.
    TransferToOther,
    /// A transfer into a call of that user's: REFER to an address with Join, whose value that is.
    TransferToJoin(String, String),
    /// The same to whoever that dialog is with, as a Replaces names it: maybe another telephone's of the same person.
    TransferInto(String),
}
