//! Who asks (RFC 3261 §22): admission first, then the digest.
//!
//! Every request outside a dialog is challenged with 401, REGISTER and the others alike: we are the user agent server and the
//! registrar that they are addressed to, not a proxy on their way (§22.2, §22.3). ACK and CANCEL never are, and requests
//! within a dialog have proven that they know its tags. A challenge costs no memory: it is sent without a transaction, with a
//! nonce that carries its own proof.

use super::means::Means;
use crate::admission::{Admission, Failures, Standing};
use crate::digest::algorithm::Algorithm;
use crate::digest::{Authenticator, Verdict};
use crate::limits::CHALLENGED_ONCE_OCTETS;
use crate::message::{Header, Message, Method, ResponseWriter, StatusCode, UriRef};
use crate::registrar::{Accounts, Bindings};
use crate::transaction::ServerKey;
use crate::transport::Flow;
use smallvec::SmallVec;
use std::net::IpAddr;

/// What a client is told to wait while the accounts are not loaded.
const LOADING_RETRY_S: u32 = 2;

/// Who may ask.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) admission: Admission,
    pub(crate) authenticator: Authenticator,
    /// Whose wrong credentials the log has told of.
    pub(crate) failures: Failures,
    pub(crate) accounts: Accounts,
    /// Whether the accounts are known: until then nobody can be told from a stranger.
    pub(crate) loaded: bool,
}

impl Gate {
    /// How a source is known.
    pub(crate) fn standing(means: &Means, bindings: &Bindings, flow: &Flow) -> Standing {
        if let Some(trunk) = means.trunk_of(flow).or_else(|| means.trunks.of_registrar(means.now.instant, flow.remote))
        {
            return Standing::Trunk(trunk);
        }
        if means.config.is_edge_proxy(flow.remote.ip()) {
            return Standing::Edge;
        }
        match bindings.from_remote(flow.remote) {
            0 => Standing::Unknown,
            accounts => Standing::Registered(accounts),
        }
    }

    /// Whether a message over that flow, whose sender is known so, is looked at at all.
    pub(crate) fn admit(&mut self, means: &Means, flow: &Flow, standing: Standing) -> bool {
        self.admission.admit(means.now.instant, flow.remote.ip(), flow.remote.port(), standing)
    }

    /// The account that a request is made for. `None`: it was challenged or refused.
    pub(crate) fn authenticate(
        &mut self,
        means: &mut Means,
        bindings: &Bindings,
        key: ServerKey,
        message: &Message,
        flow: &Flow,
    ) -> Option<String> {
        if !self.loaded {
            let retry = [(Header::RetryAfter, LOADING_RETRY_S.to_string())];
            dismiss(means, key, message, flow, StatusCode::SERVICE_UNAVAILABLE, None, &retry);
            return None;
        }
        let method = message.method()?.as_str();
        // Those for other realms are other servers'.
        let realm = self.authenticator.realm();
        let given = message
            .credentials(Header::Authorization)
            .chain(message.credentials(Header::ProxyAuthorization))
            .find(|given| given.realm == realm);
        let verdict = match &given {
            None => Verdict::Missing,
            Some(given) => {
                let secrets = self.accounts.enabled(given.username).map(|account| account.secrets);
                match self.authenticator.judge(means.now.instant, method, given, secrets.as_ref()) {
                    Verdict::Proven if !is_for(means, message, given.uri) => Verdict::Wrong,
                    verdict => verdict,
                }
            }
        };
        match (verdict, given) {
            (Verdict::Proven, Some(given)) => Some(given.username.to_owned()),
            (Verdict::Malformed(fault), _) => {
                dismiss(means, key, message, flow, StatusCode::BAD_REQUEST, Some(fault), &[]);
                None
            }
            (Verdict::Wrong, given) => {
                means.counters.forbidden += 1;
                self.tell_failure(means, flow, given.as_ref().map_or("", |given| given.username));
                if Self::standing(means, bindings, flow) == Standing::Unknown {
                    let source = flow.remote.ip();
                    self.admission.failed(means.now.instant, source);
                    // Over UDP anybody may write that address: the nonce shows that its host was sent our challenge.
                    let mark = self.admission.mark(source);
                    if given.is_some_and(|given| self.authenticator.has_challenged(given.nonce, mark)) {
                        self.guessed(means, source);
                    }
                }
                dismiss(means, key, message, flow, StatusCode::FORBIDDEN, None, &[]);
                None
            }
            (verdict, _) => {
                self.challenge(means, key, message, flow, verdict == Verdict::Stale);
                None
            }
        }
    }

    /// Says in the log that credentials were wrong, and from where: what shuts guessers out reads it.
    fn tell_failure(&mut self, means: &Means, flow: &Flow, username: &str) {
        let source = flow.remote.ip().to_canonical();
        let Some(attempts) = self.failures.note(means.now.instant, source) else { return };
        let account = means.shown(username);
        tracing::warn!(%source, port = flow.remote.port(), account, attempts, "wrong credentials");
    }

    /// A source has guessed once more.
    fn guessed(&mut self, means: &Means, source: IpAddr) {
        if let Some(length) = self.admission.guessed(means.now.instant, source) {
            let source = source.to_canonical();
            tracing::warn!(%source, for_s = length.as_secs(), "a source that guesses passwords is shut out");
        }
    }

    fn challenge(&mut self, means: &mut Means, key: ServerKey, message: &Message, flow: &Flow, stale: bool) {
        means.counters.challenges += 1;
        // Who has forged its source gains nothing by us: a datagram so short is answered by one challenge, which everybody knows.
        let is_short = !flow.transport.is_reliable() && message.as_bytes().len() < CHALLENGED_ONCE_OCTETS;
        let md5_only = means.config.is_md5_only(message.text(Header::UserAgent))
            || is_short && self.authenticator.offers(Algorithm::Md5);
        let mark = self.admission.mark(flow.remote.ip());
        let challenges: SmallVec<[(Header, String); 2]> = self
            .authenticator
            .challenge(means.now.instant, mark, stale, md5_only)
            .take(if is_short { 1 } else { usize::MAX })
            .map(|challenge| (Header::WwwAuthenticate, challenge))
            .collect();
        dismiss(means, key, message, flow, StatusCode::UNAUTHORIZED, None, &challenges);
    }
}

/// Whether credentials with that `uri` are for the request: it is to be equivalent to the Request-URI (RFC 7616 §3.4.6), or
/// an answer overheard could be used to call somebody else, and one that was got out of a phone for another server to be that phone
/// here. Many phones write the registrar's address instead, with other parameters, ports or names of ours, and REGISTER names nobody, so
/// only another user and a host that is neither ours nor the one that is asked are a difference.
fn is_for(means: &Means, message: &Message, uri: &str) -> bool {
    let Ok(requested) = message.request_uri() else { return true };
    let Some(given) = UriRef::parse(uri.as_bytes()) else { return true };
    let is_elsewhere = given.scheme().is_sip()
        && !given.host().eq_ignore_ascii_case(requested.host())
        && !means.config.is_own_host(given.host());
    if is_elsewhere {
        return false;
    }
    let Some(user) = given.user_decoded().filter(|_| !message.is(&Method::Register)) else { return true };
    // What follows the name in it are parameters of its own (RFC 3261 §19.1.6).
    let name = |user: &str| user.split(';').next().unwrap_or_default().to_owned();
    requested.user_decoded().is_some_and(|requested| name(&requested) == name(&user))
}

/// Answers a request and forgets it at once (RFC 3261 §8.2.7). Strangers are answered so, who may have forged their source: in few
/// words, and without what only informs, such as Server.
pub(crate) fn dismiss(
    means: &mut Means,
    key: ServerKey,
    message: &Message,
    flow: &Flow,
    status: StatusCode,
    reason: Option<&str>,
    headers: &[(Header, String)],
) {
    let tag = means.transactions.stateless_tag(message);
    let mut writer = ResponseWriter::to(message, status).source(flow.remote).to_tag(&tag);
    if let Some(reason) = reason {
        writer = writer.reason(reason);
    }
    for (header, value) in headers {
        writer = writer.header(*header, value);
    }
    let response = writer.finish();
    means.transactions.dismiss(key, response);
}
