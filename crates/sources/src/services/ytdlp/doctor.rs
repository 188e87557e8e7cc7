//! What an operator should know: which yt-dlp, what it can use, what it lacks.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::program::{Runtime, start};
use super::{Inner, Settings};

/// How long a program may take to say its version; yt-dlp on a small machine takes seconds.
const VERSION_MAX: Duration = Duration::from_secs(20);
const VERSION_BYTES_MAX: u64 = 200;

/// An installation, examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doctor {
    pub path: PathBuf,
    /// `None` when it does not say: it is broken, or a process cannot be started.
    pub version: Option<String>,
    /// The Python that keeps it loaded; `None` for a frozen program, every question of which starts it.
    pub python: Option<PathBuf>,
    /// What answers the puzzles of sites that set them, and its version. Without one, such sites fail.
    pub runtime: Option<(Runtime, Option<String>)>,
    /// Whether the configured cookies can be read.
    pub cookies: Option<bool>,
}

impl fmt::Display for Doctor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "yt-dlp: {}", self.path.display())?;
        match &self.version {
            Some(version) => write!(f, ", version {version}")?,
            None => f.write_str(", does not say its version; it is broken, install it anew")?,
        }
        match &self.python {
            Some(_) => f.write_str("; kept loaded")?,
            None => f.write_str("; started for every question, it brings a Python of its own")?,
        }
        match &self.runtime {
            Some((runtime, Some(version))) => {
                write!(f, "; JavaScript by {} ({version})", runtime.name)?
            }
            Some((runtime, None)) => write!(f, "; JavaScript by {}", runtime.name)?,
            None => f.write_str("; no JavaScript, install deno for sites that want it")?,
        }
        f.write_str(match self.cookies {
            Some(true) => "; cookies readable",
            Some(false) => "; cookies not readable",
            None => "; no cookies",
        })
    }
}

pub(super) async fn examine(inner: &Inner) -> Doctor {
    let (settings, program) = (&inner.settings, &inner.program);
    let version = version(&program.path, settings).await;
    let runtime = match program.runtimes.first() {
        // quickjs has no such option
        Some(runtime) if runtime.name == "quickjs" => Some((runtime.clone(), None)),
        Some(runtime) => Some((runtime.clone(), self::version(&runtime.path, settings).await)),
        None => None,
    };
    let cookies = settings.cookies.as_ref().map(|path| File::open(path).is_ok());
    Doctor { path: program.path.clone(), version, python: program.python.clone(), runtime, cookies }
}

/// The first line of what `--version` prints.
async fn version(program: &Path, settings: &Settings) -> Option<String> {
    let mut group = start(program, settings, &[OsString::from("--version")]).ok()?;
    let mut said = String::new();
    let stdout = group.child.stdout.take()?;
    let read = timeout(VERSION_MAX, stdout.take(VERSION_BYTES_MAX).read_to_string(&mut said)).await;
    read.ok()?.ok()?;
    let line = said.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}
