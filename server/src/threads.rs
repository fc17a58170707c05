//! Cores, names and priorities of threads: the one place that knows them.

use crate::configuration::value::{MediaWorkers, SipShards};
use rustix::thread::CpuSet;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// Priority of real-time workers: above everything that shares no core with them, below the kernel's own threads (50).
const REAL_TIME_PRIORITY: i32 = 10;

/// Which cores serve what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    /// One media worker on each of these.
    pub workers: Vec<usize>,
    /// One SIP shard on each of these; a single one on any of its.
    pub shards: Vec<Vec<usize>>,
    /// Everything else: the store, control and telemetry.
    pub others: Vec<usize>,
    /// Whether no worker's core runs anything else of ours, so that workers may be scheduled in real time.
    pub exclusive: bool,
}

/// Cores for each SIP shard where both shards and workers are to be chosen: media takes most of what a call costs.
const CORES_PER_SHARD: usize = 4;

impl Layout {
    /// Shares out the cores that the process may use.
    pub fn new(available: &[usize], workers: &MediaWorkers, shards: SipShards) -> Result<Self, String> {
        if available.is_empty() {
            return Err("there is no core to run on".to_owned());
        }
        let wanted = match shards {
            SipShards::Count(count) => Some(usize::from(count.max(1))),
            SipShards::Auto if *workers == MediaWorkers::Auto => Some((available.len() / CORES_PER_SHARD).max(1)),
            SipShards::Auto => None,
        };
        let workers: Vec<usize> = match workers {
            // A core for each shard, as long as one is left.
            MediaWorkers::Auto => {
                let first = wanted.unwrap_or(1).min(available.len() - 1);
                available[first..].iter().copied().take(router::limits::MODULES_PER_KIND).collect()
            }
            MediaWorkers::Cores(cores) => cores.iter().map(|&core| usize::from(core)).collect(),
        };
        if let Some(core) = workers.iter().find(|core| !available.contains(core)) {
            return Err(format!(
                "media.workers: core {core} is not among those of this machine that may be used: {available:?}"
            ));
        }
        let mut others: Vec<usize> = available.iter().copied().filter(|core| !workers.contains(core)).collect();
        let exclusive = !others.is_empty();
        if !exclusive {
            others = available.to_vec();
        }
        let shards = match wanted.unwrap_or(others.len()).min(router::limits::SHARDS.into()) {
            1 => vec![others.clone()],
            count => (0..count).map(|index| vec![others[index % others.len()]]).collect(),
        };
        Ok(Self { workers, shards, others, exclusive })
    }
}

/// The cores of the inherited affinity mask.
pub fn available() -> io::Result<Vec<usize>> {
    let set = rustix::thread::sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core)).collect())
}

/// Puts the calling thread onto `cores`; threads that it starts inherit them.
pub fn pin(cores: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for &core in cores {
        set.set(core);
    }
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// Starts a thread with a name (at most 15 bytes show in `top`) on `cores`, in real time where that is asked for and
/// permitted.
pub fn spawn<T: Send + 'static>(
    name: &str,
    cores: Vec<usize>,
    real_time: bool,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        if let Err(error) = pin(&cores) {
            tracing::warn!(%error, ?cores, "a thread cannot be pinned");
        }
        if real_time {
            match schedule_in_real_time() {
                Ok(()) => tracing::debug!(?cores, "real-time scheduling"),
                // Most servers run without the permission; workers then compete as everybody does.
                Err(error) => tracing::debug!(%error, "no real-time scheduling"),
            }
        }
        run()
    })
}

/// The exit status of a process that one of its vital threads panicked in: that of any Rust program that panics.
const PANICKED: i32 = 101;

/// Threads without which the server is deaf or forgets, by the begin of their names. A media worker closes the session in which it
/// met a fault, and goes on; where the fault is no session's it leaves, see [`end_with_last_worker`].
const VITAL: [&str; 2] = ["sip-", "store"];

/// From now on a panic in a vital thread ends the process, so that who supervises it starts it anew, rather than leaving a
/// server that answers nobody. Every panic is an error in the log.
///
/// `last_words` sees to it that what was logged is written before the process ends.
pub fn end_with_vital_threads(last_words: impl Fn() + Send + Sync + 'static) {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        let thread = std::thread::current();
        let place = panic.location().map(ToString::to_string);
        tracing::error!(thread = thread.name(), place, "a panic: a fault of this program");
        if thread.name().is_some_and(is_vital) {
            tracing::error!(thread = thread.name(), "a vital thread ended in a panic: the server ends");
            last_words();
            std::process::exit(PANICKED);
        }
    }));
}

/// A media worker met a fault and has left the router; its calls are told. `at_work` counts those that have not: where none is
/// left no call could be served, and the process ends as with a vital thread.
pub fn end_with_last_worker(at_work: &AtomicUsize) {
    if is_last(at_work) {
        tracing::error!("the last media worker ended in a panic: the server ends");
        std::process::exit(PANICKED);
    }
}

fn is_last(at_work: &AtomicUsize) -> bool {
    at_work.fetch_sub(1, Ordering::AcqRel) == 1
}

fn is_vital(name: &str) -> bool {
    VITAL.iter().any(|vital| name.starts_with(vital))
}

/// SCHED_FIFO for the calling thread.
#[expect(unsafe_code, reason = "sched_setscheduler(2) has no safe wrapper among the dependencies")]
fn schedule_in_real_time() -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: REAL_TIME_PRIORITY };
    // SAFETY: 0 names the calling thread; the pointer is to a live value that the call only reads.
    let result = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameters) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SipShards = SipShards::Count(1);

    #[test]
    fn one_core_is_left_to_everything_else_where_there_are_two() {
        let layout = |available: &[usize]| Layout::new(available, &MediaWorkers::Auto, ONE).unwrap();
        let (workers, shards) = (vec![4], vec![vec![4]]);
        assert_eq!(layout(&[4]), Layout { workers, shards, others: vec![4], exclusive: false });
        let (workers, shards) = (vec![1], vec![vec![0]]);
        assert_eq!(layout(&[0, 1]), Layout { workers, shards, others: vec![0], exclusive: true });
        assert_eq!(layout(&[2, 5, 7]).workers, [5, 7]);
        assert!(Layout::new(&[], &MediaWorkers::Auto, ONE).is_err());
    }

    #[test]
    fn chosen_cores_lie_within_the_mask() {
        assert!(Layout::new(&[0, 1], &MediaWorkers::Cores(vec![2]), ONE).is_err());
        let all = Layout::new(&[0, 1], &MediaWorkers::Cores(vec![0, 1]), ONE).unwrap();
        assert_eq!((all.others, all.exclusive), (vec![0, 1], false));
        assert_eq!(all.shards, [vec![0, 1]], "a single shard runs where everything else does");
    }

    #[test]
    fn each_shard_has_a_core_where_there_are_enough() {
        let eight: Vec<usize> = (0..8).collect();
        let layout = Layout::new(&eight, &MediaWorkers::Auto, SipShards::Count(3)).unwrap();
        assert_eq!((layout.shards, layout.workers), (vec![vec![0], vec![1], vec![2]], vec![3, 4, 5, 6, 7]));
        let layout = Layout::new(&[0, 1], &MediaWorkers::Auto, SipShards::Count(3)).unwrap();
        assert_eq!((layout.shards, layout.workers), (vec![vec![0], vec![0], vec![0]], vec![1]));
        let both = Layout::new(&eight, &MediaWorkers::Auto, SipShards::Auto).unwrap();
        assert_eq!((both.shards.len(), both.workers.len()), (2, 6));
        let left = Layout::new(&eight, &MediaWorkers::Cores(vec![6, 7]), SipShards::Auto).unwrap();
        assert_eq!((left.shards.len(), left.exclusive), (6, true));
        assert_eq!(Layout::new(&[3], &MediaWorkers::Auto, SipShards::Auto).unwrap().shards, [vec![3]]);
    }

    #[test]
    fn sip_and_the_store_are_vital() {
        assert!(is_vital("sip-0") && is_vital("store"));
        assert!(!is_vital("media-0") && !is_vital("main"));
    }

    #[test]
    fn media_goes_on_as_long_as_one_worker_is_left() {
        let at_work = AtomicUsize::new(3);
        assert_eq!([(); 3].map(|()| is_last(&at_work)), [false, false, true]);
    }

    #[test]
    fn a_thread_runs_where_it_is_put() {
        let core = available().unwrap()[0];
        let thread = spawn("test", vec![core], false, || available().unwrap()).unwrap();
        assert_eq!(thread.join().unwrap(), [core]);
    }
}
