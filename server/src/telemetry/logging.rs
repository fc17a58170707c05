//! The log, on standard error: text for people, or one JSON object a line.

use crate::configuration::model::Log;
use crate::configuration::value::LogFormat;
use crate::telemetry::lines::Lines;
use std::io::IsTerminal;
use std::sync::Arc;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, reload};

/// The log's level, which can be changed while it is written.
#[derive(Clone)]
pub struct Logging {
    level: Arc<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>,
    lines: Lines,
}

impl Logging {
    /// Begins to log. Once a process.
    pub fn start(log: &Log) -> Result<Self, String> {
        let (filter, handle) = reload::Layer::new(filter(&log.level)?);
        let lines = Lines::start(std::io::stderr()).map_err(|error| format!("the log cannot be written: {error}"))?;
        let layer = match log.format {
            LogFormat::Text => {
                let terminal = std::io::stderr().is_terminal();
                fmt::layer().with_writer(lines.clone()).with_ansi(terminal).boxed()
            }
            LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(lines.clone()).boxed(),
        };
        tracing_subscriber::registry()
            .with(filter)
            .with(layer)
            .try_init()
            .map_err(|error| format!("the log cannot be written: {error}"))?;
        let level = Arc::new(move |filter| handle.reload(filter).map_err(|error| error.to_string()));
        Ok(Self { level, lines })
    }

    /// Another level from now on.
    pub fn set_level(&self, level: &str) -> Result<(), String> {
        (self.level)(filter(level)?)
    }

    /// Waits until what was logged so far is written, a second at most: the process ends.
    pub fn flush(&self) {
        self.lines.flush();
    }
}

impl std::fmt::Debug for Logging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Logging")
    }
}

/// A level or directives, as `log.level` has them.
pub fn filter(level: &str) -> Result<EnvFilter, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let level: String = level.chars().filter(|character| *character != ' ').collect();
    let plain = level.split(',').all(|part| {
        let level = part.rsplit('=').next().unwrap_or(part).trim();
        LEVELS.contains(&level) || part.contains('[')
    });
    let why = || {
        format!("`{level}`: write error, warn, info, debug or trace, or directives such as \"info,signaling=debug\"")
    };
    // A word that is no level would be taken for the name of a module and silence everything.
    if !plain {
        return Err(why());
    }
    EnvFilter::builder().parse(&level).map_err(|_| why())
}

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn levels_and_directives_are_told_from_mistakes() {
        for level in ["info", "off", "info,signaling=debug", "warn, media::worker=trace"] {
            assert!(filter(level).is_ok(), "{level}");
        }
        for level in ["", "loud", "info,signaling=loud", "a=b=c"] {
            assert!(filter(level).is_err(), "{level}");
        }
    }
}
