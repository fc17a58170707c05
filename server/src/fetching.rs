//! Certificates of those who sign calls, fetched from the web by a thread of its own: what a stranger names is asked for, so little is
//! promised to it. The thread begins with the first one.
//!
//! ```text
//!  shard ── URL ──▶ the thread: name, TCP, TLS, GET, each within its time ── octets, or nothing ──▶ the shard that asked
//! ```

mod attempts;
mod lookup;
mod turns;

use crate::administration::Live;
use crate::limits::{FETCH_HEAD_OCTETS, FETCH_WITHIN, FETCHES_AT_ONCE, FETCHES_WAITING};
use crate::threads;
use attempts::connect;
use bytes::Bytes;
use lookup::Lookup;
use rustls::pki_types::ServerName;
use signaling::identity::{Fetch, Place, place_of};
use signaling::limits::SIGNER_CHAIN_OCTETS_MAX;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use turns::{By, Turns};

/// What became of a URL; `None`: nothing.
type Answer = (Box<str>, Option<Bytes>);

/// A URL, and who asks.
#[derive(Debug)]
struct Question {
    url: Box<str>,
    by: By,
    answer: mpsc::Sender<Answer>,
}

/// The thread, once somebody has asked.
#[derive(Clone, Debug)]
pub struct Fetching {
    live: Live,
    cores: Arc<[usize]>,
    thread: Arc<OnceLock<Option<mpsc::Sender<Question>>>>,
}

impl Fetching {
    /// One that begins on these cores when it is asked.
    pub fn new(live: &Live, cores: &[usize]) -> Self {
        Self { live: Live::clone(live), cores: cores.into(), thread: Arc::default() }
    }

    fn questions(&self) -> Option<&mpsc::Sender<Question>> {
        let begin = || {
            let (sender, questions) = mpsc::channel(FETCHES_WAITING);
            let live = Live::clone(&self.live);
            let run = move || {
                // A lookup has a thread, and each place has one lookup.
                let mut builder = tokio::runtime::Builder::new_current_thread();
                let runtime = builder.enable_all().max_blocking_threads(FETCHES_AT_ONCE).build();
                match runtime {
                    Ok(runtime) => runtime.block_on(serve(live, questions)),
                    Err(error) => tracing::error!(%error, "certificates of callers cannot be fetched"),
                }
            };
            match threads::spawn("identity", self.cores.to_vec(), false, run) {
                Ok(_) => Some(sender),
                Err(error) => {
                    tracing::error!(%error, "certificates of callers cannot be fetched");
                    None
                }
            }
        };
        self.thread.get_or_init(begin).as_ref()
    }
}

/// A shard's side.
#[derive(Debug)]
pub struct Fetches {
    fetching: Fetching,
    sender: mpsc::Sender<Answer>,
    answers: mpsc::Receiver<Answer>,
    came: VecDeque<Answer>,
    /// Questions without an answer: mostly there is none, and nothing to look for.
    waits: usize,
}

impl Fetches {
    /// That of one shard.
    pub fn new(fetching: Fetching) -> Self {
        let (sender, answers) = mpsc::channel(FETCHES_WAITING);
        Self { fetching, sender, answers, came: VecDeque::new(), waits: 0 }
    }

    /// Asks for what is at a URL; the answer comes from [`poll_answer`](Self::poll_answer).
    pub fn ask(&mut self, Fetch { url, by }: Fetch) {
        self.waits += 1;
        let question = Question { url, by, answer: self.sender.clone() };
        let refused = match self.fetching.questions() {
            Some(questions) => questions.try_send(question).err().map(|error| error.into_inner()),
            None => Some(question),
        };
        if let Some(Question { url, .. }) = refused {
            self.came.push_back((url, None));
        }
    }

    /// The next answer that has come.
    pub fn poll_answer(&mut self) -> Option<Answer> {
        if self.waits == 0 {
            return None;
        }
        let answer = self.came.pop_front().or_else(|| self.answers.try_recv().ok())?;
        self.waits -= 1;
        Some(answer)
    }

    /// Ready when an answer has come.
    pub fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.came.is_empty() {
            return Poll::Ready(());
        }
        match self.answers.poll_recv(context) {
            Poll::Ready(Some(answer)) => {
                self.came.push_back(answer);
                Poll::Ready(())
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// Until no shard is left.
async fn serve(live: Live, mut questions: mpsc::Receiver<Question>) {
    let mut turns = Turns::default();
    let mut under_way = JoinSet::new();
    loop {
        while let Some((turn, Question { url, answer, .. })) = turns.poll() {
            let live = Live::clone(&live);
            under_way.spawn(async move {
                let mut lookup = Lookup::default();
                let found = within(&live, &url, &mut lookup).await;
                let _ = answer.send((url, found)).await;
                lookup.ended().await;
                turn
            });
        }
        tokio::select! {
            question = questions.recv() => {
                let Some(question) = question else { break };
                let (by, url) = (question.by, question.url.clone());
                if let Err(Question { url, answer, .. }) = turns.push(by, host_of(&url), question) {
                    let _ = answer.try_send((url, None));
                }
            }
            // One that ended in a panic has left its place taken: there is no such one.
            Some(turn) = under_way.join_next() => {
                if let Ok(turn) = turn {
                    turns.give_back(turn);
                }
            }
        }
    }
}

/// The host of a URL, with its port.
fn host_of(url: &str) -> &str {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    rest.split('/').next().unwrap_or(rest)
}

/// What is at a URL, if it comes in time.
async fn within(live: &Live, url: &str, lookup: &mut Lookup) -> Option<Bytes> {
    match tokio::time::timeout(FETCH_WITHIN, fetch(live, url, lookup)).await {
        Ok(Ok(octets)) => Some(octets),
        Ok(Err(why)) => {
            tracing::debug!(why, "a certificate of a caller is not to be had");
            None
        }
        Err(_) => {
            tracing::debug!("a certificate of a caller does not come");
            None
        }
    }
}

/// What is at a URL.
async fn fetch(live: &Live, url: &str, lookup: &mut Lookup) -> Result<Bytes, &'static str> {
    let state = live.load_full();
    let repositories = &state.configuration.identity.repositories;
    let place = place_of(url, repositories).ok_or("it is no place for certificates")?;
    let web = state.signatures.web.clone().ok_or("nothing is fetched")?;
    let host = place.host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).map_err(|_| "its host is no name")?;
    let found = lookup.addresses(host, place.port).await.map_err(|_| "its host is not found")?;
    // What strangers name is not to lead into the operator's own network.
    let mut addresses = found.into_iter().filter(|address| place.is_named || is_public(address.ip())).peekable();
    addresses.peek().ok_or("its host has no public address")?;
    let stream = connect(addresses).await.ok_or("its host takes no connection")?;
    let mut stream = TlsConnector::from(web).connect(name, stream).await.map_err(|_| "its host is not believed")?;
    stream.write_all(request(&place).as_bytes()).await.map_err(|_| "its host hangs up")?;
    let mut read = Vec::with_capacity(4_096);
    loop {
        let most = FETCH_HEAD_OCTETS + SIGNER_CHAIN_OCTETS_MAX;
        let room = (most + 1 - read.len()) as u64;
        // A server that closes without saying so has still said how long its answer is.
        let ended = match (&mut stream).take(room).read_buf(&mut read).await {
            Ok(octets) => octets == 0,
            Err(_) => true,
        };
        if read.len() > most {
            return Err("it is too long");
        }
        match body(&read, ended) {
            Ok(Some(body)) => return Ok(body),
            Ok(None) if ended => return Err("its host hangs up"),
            Ok(None) => {}
            Err(why) => return Err(why),
        }
    }
}

/// HTTP of version 1.0: what answers it neither cuts its answer into pieces nor waits for another question (RFC 9112 §7.1).
fn request(place: &Place<'_>) -> String {
    let host = match place.port {
        443 => place.host.to_owned(),
        port => format!("{}:{port}", place.host),
    };
    let agent = concat!("Tandem/", env!("CARGO_PKG_VERSION"));
    format!("GET {} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\r\n", place.path)
}

/// The body of an answer, once it is whole. `ended`: no more comes.
fn body(read: &[u8], ended: bool) -> Result<Option<Bytes>, &'static str> {
    let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else {
        return if read.len() > FETCH_HEAD_OCTETS { Err("it is no answer") } else { Ok(None) };
    };
    let head = std::str::from_utf8(&read[..end]).map_err(|_| "it is no answer")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    let is_good = status.strip_prefix("HTTP/1.").is_some_and(|rest| rest.split(' ').nth(1) == Some("200"));
    if !is_good {
        return Err("its host does not have it");
    }
    let mut length = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse::<usize>().map_err(|_| "it is no answer")?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err("it is cut into pieces");
        }
    }
    let body = &read[end + 4..];
    match length {
        Some(length) if length > SIGNER_CHAIN_OCTETS_MAX => Err("it is too long"),
        Some(length) => Ok(body.get(..length).map(Bytes::copy_from_slice)),
        None if ended => Ok(Some(Bytes::copy_from_slice(body))),
        None => Ok(None),
    }
}

/// Whether an address is one of the public network (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(four) => {
            let [a, b, ..] = four.octets();
            !(four.is_private()
                || four.is_loopback()
                || four.is_link_local()
                || four.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (18..20).contains(&b))
                || (a == 192 && b == 0 && four.octets()[2] == 0))
        }
        IpAddr::V6(six) => {
            let first = six.segments()[0];
            // 2000::/3 is what is given out; of it 2002::/16 and 64:ff9b::/96 lead to addresses of the other family.
            first & 0xe000 == 0x2000 && first != 0x2002
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_do_not_lead_into_the_own_network() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.0.8",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1", "::ffff:8.8.8.8"] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn an_answer_is_taken_when_it_is_whole() {
        let whole = |text: &str, ended| body(text.as_bytes(), ended).map(|body| body.map(|body| body.to_vec()));
        let good = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef";
        assert_eq!(whole(good, false), Ok(Some(b"abc".to_vec())));
        assert_eq!(whole(&good[..good.len() - 4], false), Ok(None), "not yet");
        assert_eq!(whole("HTTP/1.0 200 OK\r\n\r\nabc", false), Ok(None));
        assert_eq!(whole("HTTP/1.0 200 OK\r\n\r\nabc", true), Ok(Some(b"abc".to_vec())));
        for bad in [
            "HTTP/1.1 404 Not Found\r\n\r\n",
            "HTTP/1.1 301 Moved\r\nLocation: https://x/\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "SSH-2.0 200 x\r\n\r\n",
        ] {
            assert!(whole(bad, true).is_err(), "{bad}");
        }
        assert!(body(&vec![b'a'; FETCH_HEAD_OCTETS + 1], false).is_err());
    }

    #[test]
    fn what_is_asked_names_the_host() {
        let place = place_of("https://cert.example:8443/a.pem", &[]).unwrap();
        assert!(request(&place).starts_with("GET /a.pem HTTP/1.0\r\nHost: cert.example:8443\r\n"));
    }
}
