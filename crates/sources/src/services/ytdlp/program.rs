//! Where yt-dlp is, what kind of program it is, and how its processes are started.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use domain::{Fault, Reason};
use tokio::process::{Child, Command};

use super::Settings;

/// The JavaScript runtimes that it can use for sites that want one, the most contained first, by their programs' names.
const RUNTIMES: [(&str, &str); 4] =
    [("deno", "deno"), ("node", "node"), ("bun", "bun"), ("quickjs", "qjs")];

/// The program as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub path: PathBuf,
    /// The Python that can import it; `None` for one that is frozen with a Python of its own.
    pub python: Option<PathBuf>,
    pub runtimes: Vec<Runtime>,
}

/// A JavaScript runtime, by yt-dlp's name for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    pub name: &'static str,
    pub path: PathBuf,
}

/// A child process and what it started, all killed when this is dropped.
pub(super) struct Group {
    pub(super) child: Child,
    id: Option<rustix::process::Pid>,
}

// === impl Program ===

impl Program {
    /// # Errors
    /// `Fatal` when a configured program cannot be started.
    pub(super) fn find(settings: &Settings) -> Result<Option<Program>, Fault> {
        let path = match &settings.program {
            Some(path) if is_program(path) => path.clone(),
            Some(path) => {
                let detail = format!("yt-dlp: {} is no program", path.display());
                return Err(Fault::fatal(Reason::NotFound, detail));
            }
            None => match on_path(&settings.search_path, "yt-dlp") {
                Some(path) => path,
                None => return Ok(None),
            },
        };
        let python = interpreter(&path, &settings.search_path);
        let runtimes = RUNTIMES.iter().filter_map(|(name, file)| {
            Some(Runtime { name, path: on_path(&settings.search_path, file)? })
        });
        Ok(Some(Program { path, python, runtimes: runtimes.collect() }))
    }
}

/// A process with no more of the environment than it needs: ours holds secrets.
pub(super) fn start(
    program: &Path,
    settings: &Settings,
    arguments: &[OsString],
) -> std::io::Result<Group> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("LANG", "C.UTF-8")
        .env("PYTHONIOENCODING", "utf-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("YTDLP_NO_PLUGINS", "1")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if let Ok(path) = std::env::join_paths(&settings.search_path) {
        command.env("PATH", path);
    }
    if let Some(home) = &settings.home {
        command.env("HOME", home);
    }
    let child = command.spawn()?;
    let id = child.id().and_then(|id| rustix::process::Pid::from_raw(id.try_into().ok()?));
    Ok(Group { child, id })
}

/// The Python in the first line of a script or a zip archive with such a line.
fn interpreter(path: &Path, search_path: &[PathBuf]) -> Option<PathBuf> {
    let mut head = [0; 256];
    let n = File::open(path).ok()?.read(&mut head).ok()?;
    let line = head[..n].strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split_whitespace();
    let program = Path::new(words.next()?);
    let is_env = program.file_name()?.to_str()? == "env";
    let named = if is_env { on_path(search_path, words.next()?)? } else { program.to_owned() };
    let is_python = named.file_name()?.to_str()?.starts_with("python");
    (is_python && is_program(&named)).then_some(named)
}

fn on_path(search_path: &[PathBuf], name: &str) -> Option<PathBuf> {
    search_path.iter().map(|directory| directory.join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

// === impl Group ===

impl Group {
    /// Ends it and whatever it started, at once, also when it died by itself. Nobody reaps it before: until then its
    /// number, which is the group's, cannot become somebody else's.
    pub(super) fn kill(&mut self) {
        if let Some(id) = self.id.take()
            && let Err(error) =
                rustix::process::kill_process_group(id, rustix::process::Signal::KILL)
        {
            tracing::debug!(%error, "yt-dlp cannot be killed");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
