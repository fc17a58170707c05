//! The ports of legs that have come: they come along, sockets and all (`Open × MovedPort`), or there are new ones.

use super::{Joining, Place};
use crate::call::call::Call;
use crate::call::dialog::{Join, Whom};
use crate::call::leg::LegId;
use crate::call::purpose::Purpose;
use crate::call::turn::Turn;
use crate::limits::MEDIA_WITHIN;
use router::parameter::{CauseKind, GuestLeg, MediaPort, MovedPort, Parameter, PortId};
use router::{Command, Instance, Packet, Parameters};

impl Call {
    /// Has their ports brought here from that call's session; false: they have none, and get some.
    pub(super) fn adopt_foreign_ports(&mut self, turn: &mut Turn<'_>, comers: &[(LegId, &GuestLeg)]) -> bool {
        let legs: Vec<LegId> = comers.iter().map(|&(leg, _)| leg).collect();
        let moved = |&(leg, guest): &(LegId, &GuestLeg)| {
            Some(MovedPort { port: leg.port(), session: guest.session?, from: guest.port? })
        };
        let moved: Option<Vec<_>> = comers.iter().map(moved).collect();
        let Some(moved) = moved else {
            self.open_adopted(turn, legs);
            return false;
        };
        let session = moved.first().map_or_else(|| self.worker_or_any(), |port| port.session.at(self.instance));
        let worker = self.worker().unwrap_or(session);
        self.settle_at(worker);
        let moved: Parameters = moved.into_iter().map(Parameter::from).collect();
        let purpose = Purpose::Adopt { legs, moved: true, guest: None };
        self.request(turn, worker, Command::Open, moved, MEDIA_WITHIN, purpose);
        true
    }

    /// Has the ports brought into this session; true if they can be. Else new ones are opened.
    pub(super) fn adopt_ports(
        &mut self,
        turn: &mut Turn<'_>,
        guest: &mut Self,
        ports: &[(LegId, Option<PortId>)],
    ) -> bool {
        let (own, theirs) = (self.worker(), guest.worker());
        let legs: Vec<_> = ports.iter().map(|&(leg, _)| leg).collect();
        let Some(worker) = theirs.filter(|_| ports.iter().all(|(_, port)| port.is_some())) else {
            self.open_adopted(turn, legs);
            return false;
        };
        let worker = own.unwrap_or(worker.at(self.instance));
        self.settle_at(worker);
        let moved: Parameters = ports
            .iter()
            .filter_map(|&(leg, port)| {
                Some(MovedPort { port: leg.port(), session: theirs?.at(guest.instance), from: port? }.into())
            })
            .collect();
        // What is closed at the other worker is gone before anybody could ask it there for a port.
        let guest_waits = own.is_some_and(|own| theirs.is_some_and(|theirs| own.module != theirs.module));
        guest.keep_session(guest_waits);
        let purpose = Purpose::Adopt { legs, moved: true, guest: guest_waits.then_some(guest.instance) };
        self.request(turn, worker, Command::Open, moved, MEDIA_WITHIN, purpose);
        true
    }

    /// Opens new ports for legs that have come without theirs.
    fn open_adopted(&mut self, turn: &mut Turn<'_>, legs: Vec<LegId>) {
        let worker = self.worker_or_any();
        let ports: Parameters = legs
            .iter()
            .map(|&leg| {
                let (interface, components_served) = (self.legs[leg].interface, self.components_served(leg));
                let port = leg.port();
                MediaPort { components_served, ..MediaPort::new(port, interface) }.into()
            })
            .collect();
        self.request(
            turn,
            worker,
            Command::Open,
            ports,
            MEDIA_WITHIN,
            Purpose::Adopt { legs, moved: false, guest: None },
        );
    }

    /// The ports are there, or are not.
    pub(in crate::call) fn adopted(
        &mut self,
        turn: &mut Turn<'_>,
        legs: Vec<LegId>,
        moved: bool,
        guest: Option<Instance>,
        packet: Packet,
    ) {
        self.note_ports(&packet);
        if let Some(guest) = guest {
            turn.joins.push(Join { guest, whom: Whom::Released });
        }
        if self.has_ended() {
            return self.close_session(turn, 1);
        }
        for &leg in &legs {
            if self.legs[leg].is_released() {
                self.close_port(turn, leg);
            }
        }
        let Some(mut adopting) = self.take_adopting() else { return };
        let all = legs.iter().all(|&leg| self.legs[leg].is_released() || self.legs[leg].medium.address.is_some());
        if packet.command != Command::Done || !all {
            if moved {
                adopting.with_port = false;
                self.joining = Some(Box::new(Joining::Adopting(adopting)));
                return self.open_adopted(turn, legs);
            }
            return self.adoption_failed(turn, adopting, CauseKind::Congestion.into());
        }
        let invited = self.legs[adopting.joined].asked.is_some();
        match adopting.place {
            Place::Talking => self.takes_part(turn, adopting),
            // Who rang has answered meanwhile.
            Place::Waiting if self.search.is_none() && self.legs[adopting.replaced].is_answered() => {
                self.takes_part_after_all(turn, adopting);
            }
            Place::Waiting if invited => self.waits_instead(turn, adopting),
            Place::Waiting => self.waits_in_place(turn, adopting),
            Place::Ringing => self.picks_up(turn, adopting),
        }
    }
}
