//! What the process holds of the system beside what its modules tell: memory, open files, the tasks of each runtime. At rest all of
//! it is what it was at rest before: what grows leaks.

use crate::memory;
use router::parameter::{Resource, ResourceKind, ResourceState};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;

/// The runtimes of the process, as its threads have named them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Process(Arc<Mutex<Vec<(String, Handle)>>>);

impl Process {
    /// The runtime that this is called within is of interest from now on, under that name.
    pub fn runs(&self, name: &str) {
        let mut runtimes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        runtimes.push((name.to_owned(), Handle::current()));
        runtimes.sort_by(|(one, _), (other, _)| one.cmp(other));
    }

    /// What it holds now.
    pub fn resources(&self) -> Vec<Resource> {
        let ready = |kind, name: &str, used, total| Resource {
            kind,
            name: name.to_owned(),
            state: ResourceState::Ready,
            used,
            total,
            detail: None,
        };
        let mut resources = vec![ready(ResourceKind::Memory, "allocated", memory::allocated(), None)];
        if let Some(files) = open_files() {
            resources.push(ready(ResourceKind::Files, "open", files, open_files_max()));
        }
        let runtimes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tasks = |handle: &Handle| handle.metrics().num_alive_tasks() as u64;
        resources.extend(runtimes.iter().map(|(name, handle)| ready(ResourceKind::Tasks, name, tasks(handle), None)));
        resources
    }
}

/// How many files are open. `None` where the system does not tell.
fn open_files() -> Option<u64> {
    // One of them is the folder that is read.
    std::fs::read_dir("/proc/self/fd").ok().map(|files| (files.count() as u64).saturating_sub(1))
}

/// How many may be.
fn open_files_max() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(process: &Process, kind: ResourceKind, name: &str) -> u64 {
        let resources = process.resources();
        let found = resources.iter().find(|resource| resource.kind == kind && resource.name == name);
        found.unwrap_or_else(|| panic!("no {name} in {resources:?}")).used
    }

    #[test]
    fn tasks_and_files_are_counted() {
        let process = Process::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            process.runs("main");
            let tasks = used(&process, ResourceKind::Tasks, "main");
            let waits = tokio::spawn(std::future::pending::<()>());
            assert_eq!(used(&process, ResourceKind::Tasks, "main"), tasks + 1);
            waits.abort();
            assert!(waits.await.is_err());
            assert_eq!(used(&process, ResourceKind::Tasks, "main"), tasks);
        });
        // Other tests of the process open files meanwhile: so many that theirs do not matter.
        let files: Vec<_> = (0..500).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        assert!(used(&process, ResourceKind::Files, "open") >= files.len() as u64);
    }
}
