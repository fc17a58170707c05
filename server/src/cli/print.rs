//! The one place that writes to standard output and standard error.

use std::io::Write;

/// Text for people or programs. A reader that went away (`| head`) ends the program quietly.
pub(crate) fn out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    if stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err() {
        std::process::exit(0);
    }
}

/// A line of text.
pub(crate) fn line(text: &str) {
    out(&format!("{text}\n"));
}

/// What went wrong.
pub(crate) fn error(text: &str) {
    complaints(&text.lines().map(|line| format!("tandem: {line}\n")).collect::<String>());
}

/// What is wrong with a file, a line each that begins with its name, as compilers write it.
pub(crate) fn complaints(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
