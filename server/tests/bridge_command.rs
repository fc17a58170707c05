//! `tandem bridge` as an operator runs it: the binary, over files.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// Runs `tandem` in a folder. Its exit status, what it says, what it complains of.
fn tandem(folder: &Path, line: &str) -> (i32, String, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .args(line.split(' '))
        .current_dir(folder)
        .env_remove("TANDEM_SOCKET")
        .output()
        .expect("tandem runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (status.code().expect("it ended by itself"), text(stdout), text(stderr))
}

/// Runs it, and it works.
fn works(folder: &Path, line: &str) -> String {
    let (status, out, error) = tandem(folder, line);
    assert_eq!((status, error.as_str()), (0, ""), "{line}: {out}");
    out
}

/// Runs it, and it does not. What it says.
fn fails(folder: &Path, line: &str) -> String {
    let (status, out, error) = tandem(folder, line);
    assert_eq!((status, out.as_str()), (1, ""), "{line}: {error}");
    error
}

#[test]
fn a_cluster_is_made_invited_to_and_joined() {
    let place = tempfile::tempdir().unwrap();
    let (a, b) = (place.path().join("a"), place.path().join("b"));
    for folder in [&a, &b] {
        std::fs::create_dir(folder).unwrap();
    }
    std::fs::write(a.join("tandem.toml"), "[bridge]\nplatform = 1\nname = \"a\"\nlisten = \"127.0.0.1:5065\"\n")
        .unwrap();
    let missing = fails(&a, "check tandem.toml");
    assert!(missing.contains("tandem.toml:2: ") && missing.contains("tandem bridge init"), "{missing}");
    works(&a, "bridge init --platform 1 --name a");
    works(&a, "check tandem.toml");
    assert!(fails(&a, "bridge init --platform 1 --name a").contains("--replace"));
    works(&a, "bridge invite --platform 2 --name b");
    assert!(fails(&a, "bridge invite --platform 2 --name b").contains("--replace"));
    let invitation = a.join("b.invitation");
    assert_eq!(std::fs::metadata(&invitation).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::rename(&invitation, b.join("b.invitation")).unwrap();

    let said = works(&b, "bridge join b.invitation");
    let section: Vec<&str> = said.lines().filter(|line| line.starts_with("  ")).map(str::trim).collect();
    assert!(section.contains(&"peers = [\"127.0.0.1:5065\"]"), "{said}");
    std::fs::write(b.join("tandem.toml"), section.join("\n")).unwrap();
    works(&b, "check tandem.toml");
    assert!(fails(&b, "bridge join b.invitation").contains("--replace"));
    works(&b, "bridge join b.invitation --replace");
    for file in ["authority.pem", "platform.pem", "platform.key"] {
        let path = b.join("data/bridge").join(file);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
    assert!(!b.join("data/bridge/authority.key").exists());
    assert!(works(&a, "bridge show").contains("can invite"));
    let shown = works(&b, "bridge show --json");
    assert!(shown.contains("\"platform\": 2") && shown.contains("\"faults\": []"), "{shown}");

    assert!(fails(&b, "bridge invite --platform 3 --name c").contains("on the machine where"));
    assert!(fails(&b, "bridge init --platform 3 --name c").contains("bridge.platform = 2"));
    std::fs::set_permissions(b.join("data/bridge/platform.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(fails(&b, "check tandem.toml").contains("chmod 600"));
    let (status, out, _) = tandem(&b, "bridge show");
    assert!(status == 1 && out.contains("chmod 600"), "{out}");
    let (status, _, error) = tandem(&b, "bridge invite --platform x --name c");
    assert!(status == 2 && error.contains("--platform"), "wrong usage: {error}");
}
