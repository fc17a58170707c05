//! How loaded the platform's own modules are: what its hello and heartbeats tell.

use super::message::Offered;
use crate::address::{Address, Module, ModuleKind};
use crate::parameter::{ResourceKind, Status};
use std::collections::BTreeMap;

/// The own modules and the load that each told last.
#[derive(Debug, Default)]
pub(crate) struct Loads {
    modules: BTreeMap<(ModuleKind, u8), u16>,
}

impl Loads {
    /// These modules are in the route table.
    pub(crate) fn handle_modules(&mut self, modules: impl IntoIterator<Item = Address>) {
        let present = modules.into_iter().filter_map(|address| Some((address.module.kind, address.module.index?)));
        let present = present.map(|module| (module, self.modules.get(&module).copied().unwrap_or(0)));
        self.modules = present.collect();
    }

    /// A module told its status.
    pub(crate) fn handle_status(&mut self, module: Module, status: &Status) {
        self.set(module, load_of(status));
    }

    /// A module did not answer: nobody is sent there.
    pub(crate) fn handle_silence(&mut self, module: Module) {
        self.set(module, 1_000);
    }

    /// Whom to ask. Not the server: what it has in use is the process's own, and costs it milliseconds to count (open files).
    pub(crate) fn modules(&self) -> impl Iterator<Item = Address> + '_ {
        let asked = self.modules.keys().filter(|(kind, _)| *kind != ModuleKind::Server);
        asked.map(|&(kind, index)| Address::local(kind, index))
    }

    /// What is offered to others.
    pub(crate) fn offered(&self) -> Vec<Offered> {
        let offered = |(&(kind, index), &load_thousandths): (&(ModuleKind, u8), &u16)| Offered {
            kind: kind as u8,
            index,
            load_thousandths,
        };
        self.modules.iter().map(offered).collect()
    }

    /// Whether the platform has such a module itself.
    pub(crate) fn has(&self, kind: ModuleKind) -> bool {
        self.modules.range((kind, 0)..=(kind, u8::MAX)).next().is_some()
    }

    fn set(&mut self, module: Module, load: u16) {
        if let Some(index) = module.index
            && let Some(known) = self.modules.get_mut(&(module.kind, index))
        {
            *known = load;
        }
    }
}

/// How much of its scarcest resource a module has in use, in thousandths; 0 where nothing is bounded.
fn load_of(status: &Status) -> u16 {
    let bounded = status.resources.iter().filter(|resource| {
        matches!(
            resource.kind,
            ResourceKind::MediaPorts
                | ResourceKind::Sessions
                | ResourceKind::Calls
                | ResourceKind::Dialogs
                | ResourceKind::Transactions
                | ResourceKind::Connections
                | ResourceKind::Inbox
        )
    });
    let load = |used: u64, total: u64| (u128::from(used) * 1_000).checked_div(u128::from(total)).unwrap_or(1_000);
    let loads = bounded.filter_map(|resource| Some(load(resource.used, resource.total?)));
    loads.max().unwrap_or(0).min(1_000) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameter::{Resource, ResourceState};

    #[test]
    fn the_scarcest_resource_counts() {
        let resource = |kind, used, total| Resource {
            kind,
            name: String::new(),
            state: ResourceState::Ready,
            used,
            total,
            detail: None,
        };
        let status = Status {
            resources: vec![
                resource(ResourceKind::MediaPorts, 500, Some(1_000)),
                resource(ResourceKind::Sessions, 70, Some(100)),
                resource(ResourceKind::Sessions, 70, None),
                resource(ResourceKind::Listener, 1, Some(1)),
            ],
            ..Status::default()
        };
        assert_eq!(load_of(&status), 700);
        let mut loads = Loads::default();
        let voice = Address::local(ModuleKind::Voice, 1);
        loads.handle_modules([voice]);
        loads.handle_status(voice.module, &status);
        loads.handle_modules([voice, Address::local(ModuleKind::Store, 0)]);
        let offered: Vec<_> = loads.offered().iter().map(|module| (module.kind, module.load_thousandths)).collect();
        assert_eq!(offered, [(ModuleKind::Voice as u8, 700), (ModuleKind::Store as u8, 0)]);
        assert!(loads.has(ModuleKind::Voice) && !loads.has(ModuleKind::Switch));
    }
}
