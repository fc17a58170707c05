//! What operators and their tools see: the log, metrics, health.

pub mod http;
pub mod lines;
pub mod logging;
pub mod metrics;
