//! Real programs of others, where the machine has them.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use super::world::PATIENCE;

/// A process that is killed with this.
pub(crate) struct Killed(pub(crate) Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ended = self.0.kill().is_ok() && self.0.wait().is_ok();
    }
}

/// Says that a test did not happen. Straight to the error output: what passing tests print is shown to nobody.
pub(crate) fn skipped(why: &str) {
    let _deaf = writeln!(std::io::stderr(), "skipped: {why}").is_err();
}

/// The program that a variable of the environment names, or that is on the path.
pub(crate) fn find(variable: &str, name: &str) -> Option<PathBuf> {
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
    };
    let found = std::env::var_os(variable).map(PathBuf::from).or_else(on_path);
    if found.is_none() {
        skipped(&format!("no {name} here ({variable}, or on the path)"));
    }
    found
}

/// Below what the system hands out by itself, or another test would be given it before the program is.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + (std::process::id() % 10_000) as u16;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Waits until somebody listens there.
pub(crate) async fn until_open(port: u16) {
    let open = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, open).await.is_ok(), "nobody listens at {port}");
}
