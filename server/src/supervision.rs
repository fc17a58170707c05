//! Tasks that may not end: control, administration, metrics. One that panics met a fault of ours; calls go on without it, and it
//! is started anew.

use router::time::Duration;
use std::any::Any;

/// Runs a task until it ends by itself. Each time that it panics this is an error in the log, and after a pause `start` makes it
/// anew; a task that cannot be made is an error too, and tried again.
pub async fn supervise<T, E>(task: &str, pause: Duration, mut start: impl FnMut() -> Result<T, E>)
where
    T: Future<Output = ()> + Send + 'static,
    E: std::fmt::Display,
{
    loop {
        match start() {
            Ok(run) => match tokio::spawn(run).await {
                Ok(()) => return,
                Err(ended) => match ended.try_into_panic() {
                    Ok(panic) => {
                        tracing::error!(task, reason = reason(&*panic), "a task ended in a panic: it is started anew")
                    }
                    // The runtime ends.
                    Err(_) => return,
                },
            },
            Err(error) => tracing::error!(task, %error, "a task cannot be started"),
        }
        tokio::time::sleep(pause).await;
    }
}

/// What a panic says.
fn reason(panic: &(dyn Any + Send)) -> &str {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Mutex, PoisonError};
    use tracing::subscriber::set_default;

    /// Keeps what is logged.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_is_an_error_in_the_log_and_starts_anew() {
        let (log, runs) = (Log::default(), Arc::new(AtomicU32::new(0)));
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        let _guard = set_default(subscriber);
        let counted = Arc::clone(&runs);
        supervise("control", Duration::ZERO, || {
            let run = counted.fetch_add(1, Ordering::Relaxed);
            let task = async move {
                match run {
                    0 => panic!("number {run}"),
                    2 => panic!("in words"),
                    _ => {}
                }
            };
            if run == 1 { Err("no room") } else { Ok(task) }
        })
        .await;
        assert_eq!(runs.load(Ordering::Relaxed), 4);
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches("ERROR").count(), 3, "{text}");
        for words in ["control", "number 0", "in words", "no room"] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
}
