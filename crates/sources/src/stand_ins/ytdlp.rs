//! yt-dlp's stand-in where there may be no Python: a shell script in the place of the interpreter that would run it.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const SCRIPT: &str = include_str!("ytdlp.sh");

/// Removed when dropped.
pub(crate) struct Installed {
    folder: TempDir,
}

// === impl Installed ===

impl Installed {
    pub(crate) fn new() -> Installed {
        let folder = TempDir::new().unwrap();
        let python = folder.path().join("python3");
        write(&python, SCRIPT);
        let it = Installed { folder };
        for program in [it.program(), it.broken()] {
            fs::create_dir(program.parent().unwrap()).unwrap();
            write(&program, &format!("#!{}\n", python.display()));
            // a process that another test was just starting may hold what was written open for a moment
            while Command::new(&program)
                .output()
                .is_err_and(|e| e.kind() == ErrorKind::ExecutableFileBusy)
            {}
        }
        it
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.folder.path().join("whole/yt-dlp")
    }

    /// One that cannot be imported.
    pub(crate) fn broken(&self) -> PathBuf {
        self.folder.path().join("broken/yt-dlp")
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}
