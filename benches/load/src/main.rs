//! The load generator's program: reads the command line, runs, reports.

use clap::Parser;
use std::io::Write;
use std::process::ExitCode;
use tandem_load::generator;
use tandem_load::options::Options;

fn main() -> ExitCode {
    let options = Options::parse();
    let outcome = options.check().and_then(|()| generator::run(&options));
    match outcome {
        Ok(report) => {
            let text = if options.json { report.json() } else { report.text() };
            let _ = std::io::stdout().write_all(text.as_bytes()); // whoever closed the pipe wants no report
            ExitCode::from(report.exit_status())
        }
        Err(error) => {
            eprintln!("tandem-load: {error}");
            ExitCode::from(2)
        }
    }
}
