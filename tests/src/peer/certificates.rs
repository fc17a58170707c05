//! Certificates as an operator makes them: by openssl, in files.

use super::process;
use super::site::Site;
use super::wait::PATIENCE;
use std::path::PathBuf;
use std::process::Command;

/// An authority that lives for one test; its certificate is `authority.pem` in the site's folder.
#[derive(Debug)]
pub struct Authority<'a>(&'a Site);

impl<'a> Authority<'a> {
    /// A new one.
    pub fn new(site: &'a Site) -> Self {
        let made = Self(site);
        made.request("authority", &["-days", "30", "-subj", "/CN=authority"]);
        made
    }

    /// Its certificate.
    pub fn file(&self) -> PathBuf {
        self.0.file("authority.pem")
    }

    /// Issues `NAME.pem` and `NAME.key` for these alternative names, such as `DNS:a.example` and `URI:sip:a.example`.
    pub fn issue(&self, name: &str, names: &str) -> (PathBuf, PathBuf) {
        let (authority, key) = (self.file(), self.0.file("authority.key"));
        let (authority, key) = (authority.to_string_lossy(), key.to_string_lossy());
        let names = format!("subjectAltName={names}");
        let signed = ["-CA", &authority, "-CAkey", &key, "-days", "30", "-subj", &format!("/CN={name}")];
        let extended = ["-addext", &names, "-addext", "basicConstraints=critical,CA:FALSE"];
        self.request(name, &[&signed[..], &extended].concat());
        (self.0.file(&format!("{name}.pem")), self.0.file(&format!("{name}.key")))
    }

    fn request(&self, name: &str, more: &[&str]) {
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
        command.arg("-keyout").arg(self.0.file(&format!("{name}.key")));
        command.arg("-out").arg(self.0.file(&format!("{name}.pem"))).args(more);
        let (status, said) = process::run(self.0, &format!("openssl-{name}"), command, PATIENCE);
        assert!(status.success(), "openssl: {said}");
    }
}
