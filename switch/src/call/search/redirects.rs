//! Where callees say that their user is: to be looked for there, or for the caller to be told.

use super::Search;
use crate::limits::REDIRECTS_PER_SEARCH;
use crate::plan::Step;
use router::limits::REDIRECTIONS;
use router::parameter::{Diversion, Origin, Party};

impl Search {
    /// A callee's user is to be looked for there, on behalf of `by`, who sends the call on. False: that leads nowhere new.
    pub(in crate::call) fn redirect(&mut self, to: &Party, by: Origin, diversion: Option<Diversion>) -> bool {
        let number = to.user();
        let known = number == self.called.user() || self.followed.iter().any(|followed| followed == number);
        if known || self.followed.len() >= REDIRECTS_PER_SEARCH || self.diverted.forbids(number) {
            return false;
        }
        if let Some(diversion) = diversion {
            self.diverted.expect(number, diversion);
        }
        self.followed.push(number.to_owned());
        if to.secure {
            self.secured.push(number.to_owned());
        }
        self.redirects.push_back(Step::Redirect(number.to_owned(), by));
        true
    }

    /// A callee's user is to be called at these places by the caller, if it likes. How many are new.
    pub(in crate::call) fn pass_on(&mut self, code: Option<u16>, places: Vec<Party>) -> usize {
        let (first, told) = &mut self.told;
        let before = told.len();
        for place in places {
            if told.len() < REDIRECTIONS && !told.iter().any(|known| known.user() == place.user()) {
                told.push(place);
            }
        }
        if before == 0 {
            *first = code;
        }
        told.len() - before
    }

    /// Where the caller is told to call.
    pub(in crate::call) fn take_told(&mut self) -> Vec<Party> {
        std::mem::take(&mut self.told.1)
    }

    /// A callee spoke for all places of its user: it is not looked for where that one was said to be.
    pub(in crate::call) fn forget_redirects(&mut self, by: &Origin) {
        self.redirects.retain(|step| !matches!(step, Step::Redirect(_, origin) if origin == by));
    }

    /// How many hops the redirections have taken.
    pub(in crate::call) fn hops(&self) -> u8 {
        self.followed.len() as u8
    }
}
