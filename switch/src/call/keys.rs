//! Keys that the parties press: each is told to who watches once, in whatever form it came, and goes on in the form in which the other leg's peer has keys.
//!
//! ```text
//!   events, tones ── worker ── MediaEvent ──▶ ┌──────┐ ── CallEvent ──▶ who watches
//!                                             │ call │ ── Send × Digits ──▶ signaling: the other leg has them there
//!   INFO ── signaling ── Send × Digits ─────▶ └──────┘ ── Send × Digits ──▶ worker: it has events, or tones
//! ```
//! What comes in a leg's media goes on there by itself, unless the other leg has keys in signalling.

use super::asked::Asked;
use super::call::{Call, Far};
use super::leg::LegId;
use super::purpose::Purpose;
use super::turn::Turn;
use crate::limits::{KEYS_REMEMBERED, KEYS_WAITING, LEG_WITHIN, MEDIA_WITHIN, RELAYS_PER_CALL, SAME_PRESS};
use router::parameter::{Digits, Failure, KeyForm, Parameter, Pressed, Reason};
use router::time::{Duration, Instant};
use router::{Command, Packet, Parameters, Private, one};

/// What a call knows of keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The latest presses: some telephones send each in two forms.
    latest: Vec<Press>,
    /// Those that wait until the leg has taken the ones before, so that their order holds.
    waiting: Vec<(LegId, Digits)>,
}

#[derive(Clone, Copy, Debug)]
struct Press {
    leg: LegId,
    key: char,
    form: KeyForm,
    from: Instant,
    until: Instant,
    /// It has come in another form, too.
    repeated: bool,
}

impl Keys {
    /// Whether a press is none that has come in another form already. Each is good for one other.
    fn is_new(&mut self, press: Press) -> bool {
        let same = |known: &&mut Press| {
            known.leg == press.leg
                && known.key == press.key
                && known.form != press.form
                && !known.repeated
                && press.from <= known.until + SAME_PRESS
                && known.from <= press.until + SAME_PRESS
        };
        if let Some(known) = self.latest.iter_mut().find(same) {
            known.repeated = true;
            return false;
        }
        if self.latest.len() >= KEYS_REMEMBERED {
            self.latest.remove(0);
        }
        self.latest.push(press);
        true
    }
}

impl Call {
    /// A key was pressed in a leg's media, and has been released now.
    pub(super) fn key_heard(
        &mut self,
        turn: &mut Turn<'_>,
        leg: LegId,
        key: &Private<String>,
        duration_ms: u16,
        form: KeyForm,
    ) {
        let (Some(character), now) = (key.reveal().chars().next(), turn.now.instant) else { return };
        let from = now - Duration::from_millis(duration_ms.into());
        if !self.keys.is_new(Press { leg, key: character, form, from, until: now, repeated: false }) {
            return;
        }
        self.tell_key(turn, leg, character, duration_ms, form);
        if let Some(other) = self.other_leg(leg).filter(|&other| self.has_signalled_keys(other)) {
            let digits = Digits { digits: Private::new(character.to_string()), duration_ms, port: None };
            self.signal_keys(turn, other, digits);
        }
    }

    /// Keys came in a leg's signalling.
    pub(super) fn keys_signalled(&mut self, turn: &mut Turn<'_>, leg: LegId, asked: Asked, digits: &Digits) {
        let side = self.other_side(leg);
        let other = self.other_leg(leg);
        if other.is_none() && !matches!(side, Far::Service(_)) {
            let failure = Failure::new(Reason::Unsupported).with_detail("nobody is there to take it");
            return asked.failed(turn.outbox, failure);
        }
        let (now, duration_ms) = (turn.now.instant, digits.duration_ms);
        let until = now + Duration::from_millis(duration_ms.into());
        let mut pressed = String::new();
        for key in digits.digits.reveal().chars().take(KEYS_REMEMBERED) {
            let press = Press { leg, key, form: KeyForm::Signalled, from: now, until, repeated: false };
            if self.keys.is_new(press) {
                self.tell_key(turn, leg, key, duration_ms, KeyForm::Signalled);
                pressed.push(key);
            }
        }
        // A service has no use for them.
        let Some(other) = other.filter(|_| !pressed.is_empty()) else {
            return asked.done(turn.outbox, Parameters::new());
        };
        let digits = Digits { digits: Private::new(pressed), duration_ms, port: None };
        let medium = &self.legs[other].medium;
        let takes_events = medium
            .agreement()
            .is_some_and(|agreement| agreement.codecs.iter().any(router::parameter::Codec::is_telephone_event));
        let by_media = match medium.keys {
            Some(KeyForm::Events | KeyForm::Tones) => true,
            Some(KeyForm::Signalled) => false,
            None => takes_events,
        };
        if by_media && self.legs[other].remote.is_none() {
            return self.dial(turn, other, asked, digits);
        }
        let relays = self.pending.iter().filter(|(_, purpose)| matches!(purpose, Purpose::Relay(_))).count();
        if relays >= RELAYS_PER_CALL {
            return asked.failed(turn.outbox, Failure::new(Reason::Busy));
        }
        let address = self.legs[other].address;
        let purpose = Purpose::KeysRelayed { asked, leg: other, digits: digits.clone() };
        self.request(turn, address, Command::Send, one(digits), LEG_WITHIN, purpose);
    }

    /// The other leg took them, or takes none that way.
    pub(super) fn keys_relayed(
        &mut self,
        turn: &mut Turn<'_>,
        leg: LegId,
        asked: Asked,
        digits: Digits,
        packet: &Packet,
    ) {
        if packet.command == Command::Done {
            return asked.done(turn.outbox, Parameters::new());
        }
        let failure = packet.failure();
        let here = self.legs[leg].remote.is_none() && self.legs[leg].is_answered() && !self.has_ended();
        match failure.reason {
            Reason::Unsupported if here && self.legs[leg].medium.keys.is_none() => self.dial(turn, leg, asked, digits),
            _ => asked.failed(turn.outbox, failure),
        }
    }

    /// Has a leg's peer sent keys in its media.
    fn dial(&mut self, turn: &mut Turn<'_>, leg: LegId, asked: Asked, digits: Digits) {
        let Some(worker) = self.session.worker else {
            return asked.failed(turn.outbox, Failure::new(Reason::Unsupported));
        };
        let digits = Digits { port: Some(leg.port()), ..digits };
        self.request(turn, worker, Command::Send, one(digits), MEDIA_WITHIN, Purpose::Relay(asked));
    }

    /// Sends keys in signalling to a leg that has them there, one request at a time.
    fn signal_keys(&mut self, turn: &mut Turn<'_>, leg: LegId, digits: Digits) {
        let busy = |purpose: &Purpose| matches!(purpose, Purpose::Keys(to) if *to == leg);
        if self.pending.iter().any(|(_, purpose)| busy(purpose)) {
            if self.keys.waiting.len() < KEYS_WAITING {
                self.keys.waiting.push((leg, digits));
            } else {
                turn.counters.ignored += 1;
            }
            return;
        }
        let address = self.legs[leg].address;
        self.request(turn, address, Command::Send, one(Parameter::from(digits)), LEG_WITHIN, Purpose::Keys(leg));
    }

    /// The leg has taken keys, or refused them: the next ones follow.
    pub(super) fn keys_taken(&mut self, turn: &mut Turn<'_>, leg: LegId, packet: &Packet) {
        if packet.command == Command::Failed {
            tracing::info!(call = %self.id, reason = ?packet.failure().reason, "a key was not taken in signalling");
        }
        let next = self.keys.waiting.iter().position(|(to, _)| *to == leg);
        if let Some(index) = next {
            let (_, digits) = self.keys.waiting.remove(index);
            if self.legs[leg].is_answered() && !self.has_ended() {
                self.signal_keys(turn, leg, digits);
            }
        }
    }

    fn has_signalled_keys(&self, leg: LegId) -> bool {
        self.legs[leg].remote.is_none() && self.legs[leg].medium.keys == Some(KeyForm::Signalled)
    }

    /// Tells who watches.
    fn tell_key(&self, turn: &mut Turn<'_>, leg: LegId, key: char, duration_ms: u16, form: KeyForm) {
        turn.counters.keys_pressed += 1;
        tracing::debug!(call = %self.id, form = form.name(), duration_ms, "a key");
        let key = Private::new(key.to_string());
        let pressed = Pressed { key, duration_ms, by_caller: self.near == Some(leg), form };
        turn.events.publish_key(turn.outbox, turn.now.wall, self.instance, || self.summary(), &pressed);
    }
}
