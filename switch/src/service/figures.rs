//! `Query × CallSummary` of one call, by its id: with what the ports of its legs have counted so far.
//!
//! ```text
//!  control ── Query × CallSummary, Selection (name) ──▶ switch ── Query × PortStatistics, a leg each ──▶ voice
//!          ◀─ Done × CallSummary, Selection ───────────        ◀─ Done × PortStatistics ──────────────
//! ```

use super::Switch;
use crate::call::quality;
use crate::limits::{FIGURES_ASKED, MEDIA_WITHIN};
use router::packet::Transaction;
use router::parameter::{CallSummary, Parameter, PortStatistics, Selection};
use router::time::Now;
use router::{Asked, Command, Instance, Outbox, Packet, Parameters, one};

/// Questions for calls that wait for what ports have counted.
#[derive(Debug, Default)]
pub(super) struct Figures(Vec<Awaited>);

/// One of them.
#[derive(Debug)]
struct Awaited {
    asked: Asked,
    summary: CallSummary,
    selection: Selection,
    /// What ports were asked, each with the place of its leg in the summary.
    waits: Vec<(Transaction, usize)>,
}

impl Figures {
    /// Takes a worker's answer. False: it is another's.
    pub(super) fn handle_answer(&mut self, outbox: &mut Outbox, packet: &Packet) -> bool {
        let found = self.0.iter().enumerate().find_map(|(index, awaited)| {
            let waits = awaited.waits.iter().position(|(transaction, _)| *transaction == packet.transaction)?;
            Some((index, waits))
        });
        let Some((index, waits)) = found else { return false };
        if !packet.command.is_final() {
            return true;
        }
        let awaited = &mut self.0[index];
        let (_, place) = awaited.waits.swap_remove(waits);
        // Of a port that has gone meanwhile nothing is told.
        if let (Some(Parameter::PortStatistics(counted)), Some(leg)) =
            (packet.first(), awaited.summary.legs.get_mut(place))
        {
            leg.quality = Some(Box::new(quality(counted)));
        }
        if awaited.waits.is_empty() {
            let Awaited { asked, summary, selection, .. } = self.0.swap_remove(index);
            asked.done(outbox, told(summary, selection));
        }
        true
    }
}

fn told(summary: CallSummary, selection: Selection) -> Parameters {
    [Parameter::from(summary), selection.into()].into_iter().collect()
}

impl Switch {
    /// Tells of the call that `selection` names, once its ports have said what they counted. False: there is none that has ports, so there is
    /// nothing to be asked.
    pub(super) fn figures_asked(&mut self, now: Now, packet: &Packet, selection: &Selection) -> bool {
        let instance = selection.name.as_ref().and_then(|name| self.names.get(name));
        let call = instance.and_then(|instance| self.calls.get(instance)).filter(|call| call.is_selected(selection));
        let Some((call, worker)) = call.and_then(|call| Some((call, call.worker()?))) else { return false };
        if self.figures.0.len() >= FIGURES_ASKED {
            return false;
        }
        let summary = call.summary_for(packet.source.platform);
        let mut waits = Vec::new();
        for (place, port) in call.summary_ports().enumerate() {
            let Some(port) = port else { continue };
            let asked = one(PortStatistics { port: port.0, ..PortStatistics::default() });
            let outbox = &mut self.outbox;
            let transaction =
                outbox.request(now.instant, Instance::MODULE, worker, Command::Query, asked, MEDIA_WITHIN);
            waits.push((transaction, place));
        }
        if waits.is_empty() {
            return false;
        }
        let selection = Selection { cursor: None, ..selection.clone() };
        self.figures.0.push(Awaited { asked: Asked::of(packet), summary, selection, waits });
        true
    }
}
