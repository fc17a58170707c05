//! `tandem check [FILE]`, `tandem check --store [FILE]`.

use super::{FAILED, print};
use crate::certificates::Certificates;
use crate::configuration::load::{line_of_key, warnings};
use crate::configuration::{Complaint, Configuration, ConfigurationError};
use crate::first_start;
use crate::rates::Tables;
use crate::signatures::Signatures;
use crate::threads::{self, Layout};
use router::time::WallTime;
use std::path::Path;
use std::process::ExitCode;

/// Checks the file that is named, or the one that `serve` would take.
pub(super) fn run(named: Option<&Path>) -> ExitCode {
    let Some(file) = super::file(named) else {
        print::line(&format!("{}: is not here; the defaults are in force", super::DEFAULT_FILE));
        return ExitCode::SUCCESS;
    };
    match check(&file, crate::clock::wall()) {
        Ok(doubts) => {
            print::out(&doubts);
            print::line(&format!("{}: no mistakes", file.display()));
            ExitCode::SUCCESS
        }
        Err(mistakes) => {
            print::complaints(&mistakes);
            ExitCode::from(FAILED)
        }
    }
}

/// Looks through the store of the configuration that is named, or of the one that `serve` would take.
pub(super) fn store(named: Option<&Path>) -> ExitCode {
    let configuration = match super::file(named) {
        None => Configuration::default(),
        Some(file) => match crate::configuration::load(&file) {
            Ok(configuration) => configuration,
            Err(error) => {
                print::complaints(&format!("{error}\n"));
                return ExitCode::from(FAILED);
            }
        },
    };
    let database = crate::configuration::store::database(&configuration);
    match ::store::backend::check(&database) {
        Ok(()) => {
            print::line(&format!("{}: no damage", database.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            print::error(&error.to_string());
            ExitCode::from(FAILED)
        }
    }
}

/// The warnings of a file, or its mistakes. Each line begins with the name of the file and, where there is one, the line.
fn check(file: &Path, now: WallTime) -> Result<String, String> {
    let lines = |complaints| {
        let error = ConfigurationError { file: file.to_owned(), complaints };
        error.to_string().lines().map(|line| format!("{line}\n")).collect::<String>()
    };
    let configuration = crate::configuration::load(file).map_err(|error| lines(error.complaints))?;
    if let Some(fault) = super::bridge::fault(&configuration, now) {
        let line = line_of_key(file, "bridge.platform");
        return Err(lines(vec![Complaint { line, message: format!("bridge: {fault}") }]));
    }
    let of_certificates = Certificates::read(&configuration).map(|read| read.faults(now));
    let mut faults = of_certificates.unwrap_or_else(|faults| faults);
    faults.extend(Signatures::read(&configuration, &Signatures::default()).err().into_iter().flatten());
    faults.extend(Tables::read(&configuration, &Tables::default()).err().into_iter().flatten());
    if !faults.is_empty() {
        let complaint = |(path, why): (String, String)| Complaint {
            line: line_of_key(file, &path),
            message: format!("{path}: {why}"),
        };
        return Err(lines(faults.into_iter().map(complaint).collect()));
    }
    Ok(lines(doubts(file, &configuration)))
}

fn doubts(file: &Path, configuration: &Configuration) -> Vec<Complaint> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let mut doubts = warnings(&text, configuration);
    let folder = first_start::openness(&configuration.data).map(|open| format!("data: {open}"));
    for (key, message) in [("media.workers", cores(configuration)), ("data", folder)] {
        doubts.extend(message.map(|message| Complaint { line: line_of_key(file, key), message }));
    }
    doubts.sort_by_key(|doubt| doubt.line);
    for doubt in &mut doubts {
        doubt.message = format!("warning: {}", doubt.message);
    }
    doubts
}

/// Why the server would not start on this machine. Another one may have the cores, so it is no mistake of the file.
fn cores(configuration: &Configuration) -> Option<String> {
    let here = threads::available().ok()?;
    Layout::new(&here, &configuration.media.workers, configuration.sip.shards).err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn every_line_begins_with_the_file_and_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        let name = file.display().to_string();
        std::fs::write(&file, "[sip]\ndscp = 99\nlissten = []\n[calls]\nmax = 0\n").unwrap();
        let mistakes = check(&file, WallTime::default()).unwrap_err();
        let places: Vec<&str> = mistakes.lines().filter_map(|line| line.strip_prefix(&name)).collect();
        assert_eq!(places.len(), mistakes.lines().count(), "{mistakes}");
        assert!(places[0].starts_with(":2: ") && places[1].starts_with(":3: ") && places[2].starts_with(":5: "));
        let pattern = "[[route]]\npattern = \"^(a\"\nto = [\"service:echo\"]\n[[trunk]]\nname = \"t\"\naddress = \"h\"\n\
                       headers_pass = [\"X-A\"]\nheaders_rewrite = [[\"X-A\", \"[\", \"\"]]\n";
        std::fs::write(&file, pattern).unwrap();
        let mistakes = check(&file, WallTime::default()).unwrap_err();
        assert_eq!(mistakes.lines().filter(|line| line.starts_with(&format!("{name}:"))).count(), 2, "{mistakes}");
        assert_eq!(mistakes.lines().count(), 2, "{mistakes}");
        std::fs::write(&file, "[media]\nworkers = [1023]\n").unwrap();
        let doubts = check(&file, WallTime::default()).unwrap();
        assert!(doubts.starts_with(&format!("{name}:2: warning: media.workers: core 1023 ")), "{doubts}");
        std::fs::write(&file, "[sip]\nlisten = [\"udp:127.0.0.1:0\"]\n").unwrap();
        let doubts = check(&file, WallTime::default()).unwrap();
        assert!(doubts.starts_with(&format!("{name}:2: warning: sip.listen: port 0")), "{doubts}");
        std::fs::write(&file, "").unwrap();
        assert_eq!(check(&file, WallTime::default()).unwrap(), "");
        let data = folder.path().join("open");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(&file, "\ndata = \"open\"\n").unwrap();
        for (mode, word) in [(0o777, "mode 777"), (0o770, "chmod 700"), (0o755, "")] {
            std::fs::set_permissions(&data, std::fs::Permissions::from_mode(mode)).unwrap();
            let doubts = check(&file, WallTime::default()).unwrap();
            assert_eq!(doubts.starts_with(&format!("{name}:2: warning: data: others")), !word.is_empty(), "{doubts}");
            assert!(doubts.contains(word), "{doubts}");
        }
    }
}
