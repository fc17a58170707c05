//! A phone that looks for ways to its peer's media (ICE, RFC 8445), as one that is full does.

use media::ice::{Agent, Check, Handled};
use router::Random;
use router::parameter::{IceCandidate, IceCredentials, IceParameters};
use router::time::Instant;
use signaling::sdp::candidate::Candidate;
use signaling::sdp::text::Text;
use signaling::sdp::{SessionDescription, chosen};
use std::collections::VecDeque;
use std::net::SocketAddr;
use stun::{Message, Usage};

/// The ways of one call.
#[derive(Debug)]
pub(crate) struct Ways {
    random: Random,
    local: IceCredentials,
    /// What the peer said last: its credentials, candidates, and whether it is lite.
    told: Option<(IceCredentials, Vec<IceCandidate>, bool)>,
    is_offerer: bool,
    agent: Option<Agent>,
    /// Whether nothing comes through to it any more, until both begin anew.
    is_deaf: bool,
    /// The addresses of its own that the peer's last offer said it had chosen.
    pub(crate) chosen: Vec<SocketAddr>,
    answers: VecDeque<(SocketAddr, Vec<u8>)>,
}

impl Ways {
    pub(crate) fn new(random: &mut Random) -> Self {
        let mut random = random.fork();
        let local = draw(&mut random);
        Self {
            random,
            local,
            told: None,
            is_offerer: false,
            agent: None,
            is_deaf: false,
            chosen: Vec::new(),
            answers: VecDeque::new(),
        }
    }

    /// From the next description on it looks anew.
    pub(crate) fn renew(&mut self) {
        self.local = draw(&mut self.random);
    }

    /// Its network lets nothing through by these ways any more.
    pub(crate) fn go_deaf(&mut self) {
        self.is_deaf = true;
    }

    /// Whether both look for them.
    pub(crate) fn is_agreed(&self) -> bool {
        self.agent.is_some()
    }

    /// Where the peer was found.
    pub(crate) fn destination(&self) -> Option<SocketAddr> {
        self.agent.as_ref()?.destination()
    }

    /// It offers.
    pub(crate) fn offers(&mut self) {
        self.is_offerer = true;
    }

    /// Its lines; of an answer, where the offer had some.
    pub(crate) fn write(&self, local: SocketAddr, is_answer: bool) -> String {
        if is_answer && self.told.is_none() {
            return String::new();
        }
        let IceCredentials { fragment, password } = &self.local;
        let (ip, port) = (local.ip(), local.port());
        format!(
            "a=rtcp-mux\r\na=ice-ufrag:{fragment}\r\na=ice-pwd:{password}\r\na=candidate:1 1 UDP 2130706431 {ip} {port} typ host\r\n"
        )
    }

    /// Reads what the peer says.
    pub(crate) fn read(&mut self, session: &SessionDescription, is_offer: bool) {
        if is_offer {
            self.is_offerer = false;
        }
        let Some(section) = session.media.first() else { return };
        let said = |name: &str| Some(section.attributes.values(name).next().and_then(Text::as_str)?.to_owned());
        let credentials = said("ice-ufrag").zip(said("ice-pwd"));
        let former = self.told.as_ref().map(|(credentials, ..)| credentials.fragment.clone());
        let is_other = former.is_some() && former != credentials.as_ref().map(|(fragment, _)| fragment.clone());
        if is_offer && is_other {
            // RFC 8839 §4.4.1.1.1: who is asked to begin anew does.
            self.renew();
        }
        self.chosen = chosen(section).into_iter().map(|(_, address)| address).collect();
        self.told = credentials.map(|(fragment, password)| {
            let candidates = section.attributes.values("candidate").filter_map(Candidate::parse);
            let candidates = candidates.map(|candidate| IceCandidate {
                component: candidate.component as u8,
                priority: candidate.priority,
                address: candidate.address,
            });
            (IceCredentials { fragment, password }, candidates.collect(), session.attributes.has("ice-lite"))
        });
    }

    /// What was described is in force.
    pub(crate) fn agree(&mut self, now: Instant) {
        let Some((remote, candidates, is_remote_lite)) = self.told.clone() else {
            self.agent = None;
            return;
        };
        let parameters = IceParameters {
            local: self.local.clone(),
            remote,
            candidates,
            is_lite: false,
            is_remote_lite,
            is_controlling: self.is_offerer || is_remote_lite,
            nominates_once: true,
        };
        let former = match &self.agent {
            Some(agent) if agent.is_of(&parameters) => return,
            former => former.as_ref().and_then(Agent::destination),
        };
        (self.agent, self.is_deaf) = (Some(Agent::new(now, &parameters, 1, former, &mut self.random)), false);
    }

    /// A message has come.
    pub(crate) fn handle(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        if self.is_deaf {
            return;
        }
        let Some(message) = Message::parse(bytes, Usage::ConnectivityCheck) else { return };
        let Some(agent) = &mut self.agent else { return };
        if let Some(Handled { answer: Some(answer), .. }) = agent.handle(now, from, &message, None, &mut self.random) {
            self.answers.push_back((from, answer.octets().to_vec()));
        }
    }

    /// When the next message is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        if !self.answers.is_empty() {
            return Some(Instant::ZERO);
        }
        self.agent.as_ref()?.poll_timeout()
    }

    /// The next message.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        if let Some(answer) = self.answers.pop_front() {
            return Some(answer);
        }
        let agent = self.agent.as_mut()?;
        agent.handle_timeout(now);
        let Check { to, message } = agent.poll_transmit(now, &mut self.random)?;
        // What goes out is lost; its time goes by.
        (!self.is_deaf).then(|| (to, message.octets().to_vec()))
    }
}

fn draw(random: &mut Random) -> IceCredentials {
    IceCredentials {
        fragment: format!("{:08x}", random.next_u32()),
        password: format!("{:016x}{:016x}", random.next_u64(), random.next_u64()),
    }
}
