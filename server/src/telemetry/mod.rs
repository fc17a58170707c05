//! What operators and their tools see: the log, metrics, health.

mod help;
pub mod http;
pub mod lines;
pub mod logging;
pub mod metrics;
mod visitors;
