//! The voice of a peer that only signals (SIPp): a tone in G.711 μ-law out of a socket, and an ear that keeps what comes in.

use super::tone;
use super::wait::{self, PATIENCE};
use codecs::g711::Law;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The time of a packet of G.711 here.
const PACKET: Duration = Duration::from_millis(20);

/// The samples of that time.
const SAMPLES: usize = 160;

/// Octets before the payload of a packet.
const HEADER: usize = 12;

/// Peak of the tone.
const PEAK: f64 = 8_000.0;

/// Seconds of tone, before it begins anew: whole periods of each multiple of 1 Hz.
const TONE_S: u32 = 1;

/// A voice and an ear at one port.
#[derive(Debug)]
pub struct Voice {
    /// Where it is.
    pub local: SocketAddr,
    heard: Arc<Mutex<Vec<i16>>>,
    whither: Arc<Mutex<Option<SocketAddr>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Voice {
    /// At `local`: says a tone of `hertz`, once it is told whither, or else to whom it hears first, and listens from now on. `ssrc` names
    /// its stream.
    pub fn start(local: SocketAddr, hertz: f64, ssrc: u32) -> Self {
        let socket = UdpSocket::bind(local).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(1))).expect("a time is set");
        let (heard, whither) = (Arc::<Mutex<Vec<i16>>>::default(), Arc::<Mutex<Option<SocketAddr>>>::default());
        let over = Arc::<AtomicBool>::default();
        let thread = std::thread::spawn({
            let (heard, whither, over) = (Arc::clone(&heard), Arc::clone(&whither), Arc::clone(&over));
            move || speak_and_listen(&socket, hertz, ssrc, (&heard, &whither, &over))
        });
        Self { local, heard, whither, over, thread: Some(thread) }
    }

    /// From now on speaks there.
    pub fn speak_to(&self, whither: SocketAddr) {
        *self.whither.lock().unwrap_or_else(PoisonError::into_inner) = Some(whither);
    }

    /// The same: to the port of `server` that SIPp wrote into a file, once it has.
    pub fn speak_to_told(&self, server: SocketAddr, file: &Path) {
        let port = wait::until("SIPp was told a media port", || {
            let text = std::fs::read_to_string(file).ok()?;
            text.lines().next()?.trim().parse().ok()
        });
        self.speak_to(SocketAddr::new(server.ip(), port));
    }

    /// What it has heard: packet after packet, whatever pauses were between them.
    pub fn heard(&self) -> Vec<i16> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets what it has heard.
    pub fn forget(&self) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Waits until it has heard a tone of `hertz` for `seconds`.
    pub fn hears(&self, hertz: f64, seconds: f64) -> tone::Heard {
        let found =
            wait::within(PATIENCE, || Some(tone::find(&self.heard(), hertz)).filter(|heard| heard.seconds >= seconds));
        found.unwrap_or_else(|| panic!("heard {:?} of {hertz} Hz, not {seconds} s", tone::find(&self.heard(), hertz)))
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Shared<'a> = (&'a Mutex<Vec<i16>>, &'a Mutex<Option<SocketAddr>>, &'a AtomicBool);

fn speak_and_listen(socket: &UdpSocket, hertz: f64, ssrc: u32, (heard, whither, over): Shared<'_>) {
    let tone = tone::sine(hertz, PEAK, TONE_S);
    let (mut number, mut buffer) = (0_u32, [0; 2_048]);
    let mut next = wait::now();
    while !over.load(Ordering::Relaxed) {
        let target = *whither.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = target {
            let mut packet = vec![0x80, 0];
            packet.extend((number as u16).to_be_bytes());
            packet.extend((number * SAMPLES as u32).to_be_bytes());
            packet.extend(ssrc.to_be_bytes());
            packet.resize(HEADER + SAMPLES, 0);
            let at = number as usize * SAMPLES % tone.len();
            Law::Mu.encode_into(&tone[at..at + SAMPLES], &mut packet[HEADER..]);
            // Where nobody listens yet the system may say so.
            let _ = socket.send_to(&packet, target);
            number += 1;
        }
        next += PACKET;
        while wait::now() < next {
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
            whither.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(from);
            // RTP of payload type 0, without extensions: as it was agreed.
            if length > HEADER && buffer[0] == 0x80 && buffer[1] & 0x7F == 0 {
                let mut samples = vec![0; length - HEADER];
                Law::Mu.decode_into(&buffer[HEADER..length], &mut samples);
                heard.lock().unwrap_or_else(PoisonError::into_inner).extend(samples);
            }
        }
    }
}
