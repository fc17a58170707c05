//! The listening sockets.

use super::Input;
use crate::session::Access;
use router::Seldom;
use router::time::Duration;
use socket2::{Domain, SockAddr, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: i32 = 64;

/// How long accepting rests after a failure: mostly no file descriptor is left.
const REST: Duration = Duration::from_millis(200);

/// After how long of silence the peer of a TCP connection is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// A listening socket of the control module.
#[derive(Debug)]
pub struct Listener(Kind);

#[derive(Debug)]
enum Kind {
    Unix(tokio::net::UnixListener, #[expect(dead_code, reason = "held to be dropped")] SocketFile),
    Tcp(tokio::net::TcpListener),
}

/// The file of a Unix socket; removed with its listener, unless another has taken its place.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if std::fs::symlink_metadata(&self.path).is_ok_and(|metadata| metadata.ino() == self.inode) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Listener {
    /// A Unix socket at `path` that only its owner can open. A file that a dead server left there is replaced; `AddrInUse`
    /// if a server answers there.
    pub fn unix(path: &Path) -> io::Result<Self> {
        match std::fs::symlink_metadata(path) {
            Ok(metadata) if !metadata.file_type().is_socket() => {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the path names a file that is no socket"));
            }
            Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "a server answers there already"));
            }
            _ => {}
        }
        // Bound under another name, its mode set before it listens, then moved: nobody can connect in between.
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        let _ = std::fs::remove_file(&new);
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(&new)?)?;
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600))?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let inode = std::fs::symlink_metadata(&new)?.ino();
        std::fs::rename(&new, path)?;
        let file = SocketFile { path: path.to_owned(), inode };
        let listener = tokio::net::UnixListener::from_std(std::os::unix::net::UnixListener::from(socket))?;
        Ok(Self(Kind::Unix(listener, file)))
    }

    /// A TCP socket: its clients log in with the token.
    pub fn tcp(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(Self(Kind::Tcp(tokio::net::TcpListener::from_std(socket.into())?)))
    }

    /// Where a TCP socket listens.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match &self.0 {
            Kind::Tcp(listener) => listener.local_addr().ok(),
            Kind::Unix(..) => None,
        }
    }

    /// Accepts connections as long as the loop takes them.
    pub(super) async fn accept(self, inputs: mpsc::Sender<Input>) {
        let mut failing = Seldom::default();
        loop {
            let accepted = match &self.0 {
                Kind::Unix(listener, _) => {
                    listener.accept().await.map(|(stream, _)| Input::Open(Box::new(stream), Access::Local))
                }
                Kind::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                    let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE);
                    let _ = SockRef::from(&stream).set_tcp_keepalive(&keep_alive);
                    let _ = stream.set_nodelay(true);
                    Input::Open(Box::new(stream), Access::Remote)
                }),
            };
            match accepted {
                Ok(input) => {
                    if inputs.send(input).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    if let Some(unsaid) = failing.is_due(tokio::time::Instant::now().into_std()) {
                        tracing::warn!(%error, unsaid, "the control socket cannot accept a connection");
                    }
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }
}
