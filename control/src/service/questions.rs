//! Questions under way: packets to the modules, and the answer that theirs come to.

use super::Control;
use crate::protocol::line::Content;
use crate::protocol::{Code, Header, Kind, Problem};
use crate::question::{Answer, Finish, Gather, Page, Question, Recipients, Step};
use crate::session::SessionId;
use crate::topic::calls;
use router::parameter::{Parameter, Selection};
use router::time::{Duration, Now};
use router::{Address, Command, Instance, Packet, Parameters};
use serde_json::{Value, json};

/// A question under way.
pub(super) struct Asked {
    session: SessionId,
    header: Header,
    slow: bool,
    state: Asking,
}

enum Asking {
    /// All answers are awaited.
    All { waiting: usize, answers: Vec<Answer>, finish: Finish },
    /// One module after the other.
    Page(Box<Listing>),
}

/// A listing under way.
struct Listing {
    page: Page,
    parameters: Parameters,
    within: Duration,
    /// The modules that are still to be asked; the last one is asked now.
    rest: Vec<Address>,
    items: Vec<Value>,
}

impl Control {
    /// Sends the question's packets.
    pub(super) fn ask(&mut self, now: Now, session: SessionId, header: Header, question: Question) {
        let Question { to, command, parameters, within, gather, slow } = question;
        let mut addresses = self.recipients(to);
        let instance = self.instances.mint();
        let state = match gather {
            Gather::All(finish) => {
                let waiting = addresses.len();
                for &address in &addresses {
                    // What a request starts is named by it.
                    let address = if command == Command::Start { address.at(instance) } else { address };
                    self.outbox.request(now.instant, instance, address, command, parameters.clone(), within);
                }
                Asking::All { waiting, answers: Vec::new(), finish }
            }
            Gather::Page(mut page) => {
                let (index, inner) = match read_cursor(page.cursor.take()) {
                    Ok(cursor) => cursor,
                    Err(problem) => return self.answered(now, session, header, slow, Err(problem)),
                };
                let index_of = |address: &Address| address.module.index.unwrap_or(0);
                addresses.retain(|address| index_of(address) >= index);
                // The inner cursor is that module's own; it means nothing to the next one.
                page.cursor = inner.filter(|_| addresses.first().is_some_and(|first| index_of(first) == index));
                addresses.reverse();
                Asking::Page(Box::new(Listing { page, parameters, within, rest: addresses, items: Vec::new() }))
            }
        };
        let empty = matches!(&state, Asking::All { waiting: 0, .. })
            || matches!(&state, Asking::Page(listing) if listing.rest.is_empty());
        if empty {
            return self.answered(now, session, header, slow, Err(Problem::new(Code::Unavailable)));
        }
        self.asked.insert(instance, Asked { session, header, slow, state });
        self.turn_page(now, instance);
    }

    /// Asks the next module of a listing.
    fn turn_page(&mut self, now: Now, instance: Instance) {
        let Some(Asked { state: Asking::Page(listing), .. }) = self.asked.get_mut(&instance) else { return };
        let Listing { page, parameters, within, rest, items } = &mut **listing;
        let Some(&address) = rest.last() else { return };
        let selection = Selection {
            cursor: page.cursor.take(),
            limit: Some(page.limit.saturating_sub(items.len() as u32)),
            ..page.selection.clone()
        };
        let mut parameters = parameters.clone();
        parameters.push(selection.into());
        self.outbox.request(now.instant, instance, address, Command::Query, parameters, *within);
    }

    pub(super) fn recipients(&self, to: Recipients) -> Vec<Address> {
        match to {
            Recipients::Any(kind) => vec![Address::any(kind)],
            Recipients::Each(kind) => self.addresses().filter(|address| address.module.kind == kind).collect(),
            Recipients::Everyone => self.addresses().collect(),
        }
    }

    fn addresses(&self) -> impl Iterator<Item = Address> {
        self.modules.iter().map(|&(address, _)| address)
    }

    pub(super) fn handle_answer(&mut self, now: Now, instance: Instance, packet: Packet) {
        let Some(asked) = self.asked.get_mut(&instance) else { return };
        if packet.command == Command::Progress {
            let call = packet.parameters.iter().find_map(calls::summary);
            if let (true, Some(call)) = (asked.slow, call) {
                let body = Content::Body(json!({ "call": calls::to_json(call) }));
                let (session, header) = (asked.session, asked.header.clone());
                self.tell(now, session, Kind::Progress, header, body);
            }
            return;
        }
        let result = match packet.command {
            Command::Done => Ok(packet.parameters),
            _ => Err(packet.failure()),
        };
        match &mut asked.state {
            Asking::All { waiting, answers, .. } => {
                answers.push(Answer { from: packet.source, result });
                *waiting -= 1;
                if *waiting > 0 {
                    return;
                }
            }
            Asking::Page(listing) => {
                let Listing { page, rest, items, .. } = &mut **listing;
                let asked_module = rest.pop();
                let parameters = match result {
                    Ok(parameters) => parameters,
                    // A module that has nothing of that name has an empty page.
                    Err(failure) if failure.reason == router::parameter::Reason::NotFound => Parameters::new(),
                    Err(failure) => {
                        if let Some(Asked { session, header, slow, .. }) = self.asked.remove(&instance) {
                            self.answered(now, session, header, slow, Err(failure.into()));
                        }
                        return;
                    }
                };
                items.extend(parameters.iter().filter_map(page.item));
                let more = match parameters.last() {
                    Some(Parameter::Selection(selection)) => selection.cursor.clone(),
                    _ => None,
                };
                let index_of = |address: &Address| address.module.index.unwrap_or(0);
                let full = items.len() as u32 >= page.limit;
                let next = match (more, asked_module) {
                    (Some(inner), Some(address)) => Some((index_of(&address), inner)),
                    _ => None,
                };
                match next {
                    Some((index, inner)) => page.cursor = Some(write_cursor(index, &inner)),
                    None if full => page.cursor = rest.last().map(|address| write_cursor(index_of(address), "")),
                    None if !rest.is_empty() => return self.turn_page(now, instance),
                    None => {}
                }
            }
        }
        let Some(Asked { session, header, slow, state }) = self.asked.remove(&instance) else { return };
        let step = match state {
            Asking::All { answers, finish, .. } => finish(answers),
            Asking::Page(listing) => {
                let Listing { page, items, .. } = *listing;
                Ok(Step::Done(json!({ page.key: items, "cursor": page.cursor })))
            }
        };
        match step {
            Ok(Step::Done(body)) => self.answered(now, session, header, slow, Ok(body)),
            Ok(Step::Ask(question)) => self.ask(now, session, header, question),
            Err(problem) => self.answered(now, session, header, slow, Err(problem)),
        }
    }

    /// Gives a session the last answer to its request.
    fn answered(&mut self, now: Now, id: SessionId, header: Header, slow: bool, result: Result<Value, Problem>) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.outstanding = session.outstanding.saturating_sub(1);
        }
        let kind = if slow { Kind::Completion } else { Kind::Reply };
        let content = match result {
            Ok(body) => Content::Body(body),
            Err(problem) => {
                self.refused += 1;
                Content::Problem(problem)
            }
        };
        self.tell(now, id, kind, header, content);
    }
}

/// A listing's cursor: which module, and that one's own.
fn write_cursor(index: u8, inner: &str) -> String {
    format!("{index}.{inner}")
}

fn read_cursor(cursor: Option<String>) -> Result<(u8, Option<String>), Problem> {
    let Some(cursor) = cursor else { return Ok((0, None)) };
    cursor
        .split_once('.')
        .filter(|(_, inner)| inner.len() <= crate::limits::TEXT_BYTES)
        .and_then(|(index, inner)| Some((index.parse().ok()?, (!inner.is_empty()).then(|| inner.to_owned()))))
        .ok_or_else(|| Problem::because(Code::Invalid, "the cursor is none of a former answer"))
}
