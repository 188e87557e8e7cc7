//! The way round for what symphonia cannot read: an ffmpeg process that turns bytes into 48 kHz stereo samples.
//!
//! It gets an argument array, never a shell; a file path or a pipe, never a URL; and it does not outlive its pipeline.
//! An ffmpeg that fails is a fault, not the end of a track.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use domain::{Fault, Reason};
use symphonia::core::audio::layouts::CHANNEL_LAYOUT_STEREO;

use crate::decoder::Pcm;
use crate::fault::Halt;
use crate::frame::SAMPLE_RATE;
use crate::outlet::Outlet;
use crate::source::Source;
use crate::transcoder::Transcoder;

/// Bytes of one read: 43 ms of samples.
const BLOCK: usize = 16 * 1024;

/// Bytes of its complaints that are kept.
const STDERR_MAX: u64 = 4096;

/// How long a process may take to exit after it closed its output.
const EXIT: Duration = Duration::from_secs(2);

/// A child process that is killed and reaped when this is dropped.
#[derive(Clone)]
struct Process(Arc<Mutex<Child>>);

struct KillOnDrop(Process);

/// Plays all of `source` from `from` through the ffmpeg at `program`. `stall` is how long it may stay silent.
pub(crate) fn play(
    program: &Path,
    source: &Source,
    from: Duration,
    stall: Duration,
    mut transcoder: Transcoder,
    outlet: &mut Outlet,
) -> Result<(), Halt> {
    source.rewind()?;
    source.settle();
    let mut child = spawn(program, source.path().as_deref(), from)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let process = Process(Arc::new(Mutex::new(child)));
    let guard = KillOnDrop(process.clone());
    let stopper = process.clone();
    outlet.shared().on_stop(Box::new(move || stopper.kill()));
    if let Some(stdin) = stdin {
        let source = source.clone();
        helper("media-ffmpeg-in", move || pour(source, stdin))?;
    }
    let complaints = Arc::new(Mutex::new(Vec::new()));
    if let Some(stderr) = stderr {
        let complaints = Arc::clone(&complaints);
        helper("media-ffmpeg-err", move || collect(stderr, &complaints))?;
    }
    let (blocks_in, blocks) = sync_channel(4);
    if let Some(stdout) = stdout {
        helper("media-ffmpeg-out", move || blocks_of(stdout, &blocks_in))?;
    }
    let any = pump(&blocks, stall, &mut transcoder, outlet)?;
    if outlet.is_stopped() {
        return Err(Halt::Stopped);
    }
    if let Some(fault) = source.fault() {
        return Err(fault.into());
    }
    let is_success = guard.0.exit();
    if !is_success {
        let said =
            String::from_utf8_lossy(&complaints.lock().unwrap_or_else(PoisonError::into_inner))
                .into_owned();
        return Err(explain(&said, any).into());
    }
    transcoder.finish(outlet)
}

fn spawn(program: &Path, file: Option<&Path>, from: Duration) -> Result<Child, Fault> {
    let mut command = Command::new(program);
    command.args(arguments(file, from)).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if file.is_some() { Stdio::null() } else { Stdio::piped() });
    command.spawn().map_err(|e| {
        Fault::refused(Reason::Unsupported, format!("ffmpeg cannot be started: {}", e.kind()))
    })
}

/// The whole command line. The path is prefixed so that it is neither an option nor a protocol.
fn arguments(file: Option<&Path>, from: Duration) -> Vec<OsString> {
    let fixed =
        ["-nostdin", "-hide_banner", "-loglevel", "error", "-protocol_whitelist", "file,pipe"];
    let mut arguments: Vec<OsString> = fixed.map(OsString::from).to_vec();
    if !from.is_zero() {
        arguments.extend(["-ss".into(), format!("{:.6}", from.as_secs_f64()).into()]);
    }
    let mut input = OsString::from(if file.is_some() { "file:" } else { "pipe:0" });
    if let Some(file) = file {
        input.push(file);
    }
    arguments.extend(["-i".into(), input]);
    let output =
        ["-map", "0:a:0", "-vn", "-sn", "-dn", "-ac", "2", "-ar", "48000", "-f", "f32le", "pipe:1"];
    arguments.extend(output.map(OsString::from));
    arguments
}

/// Passes samples on until there are no more. Whether there were any.
fn pump(
    blocks: &Receiver<io::Result<Vec<u8>>>,
    stall: Duration,
    transcoder: &mut Transcoder,
    outlet: &mut Outlet,
) -> Result<bool, Halt> {
    let mut bytes = Vec::with_capacity(BLOCK + 8);
    let mut samples = Vec::with_capacity(BLOCK / 4 + 2);
    let mut any = false;
    loop {
        let block = match blocks.recv_timeout(stall) {
            Ok(Ok(block)) => block,
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => return Ok(any),
            Err(RecvTimeoutError::Timeout) => {
                return Err(Fault::transient(Reason::Timeout, "ffmpeg stayed silent").into());
            }
        };
        bytes.extend_from_slice(&block);
        let whole = bytes.len() / 8 * 8;
        samples.clear();
        samples.extend(
            bytes[..whole].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
        );
        bytes.drain(..whole);
        if !samples.is_empty() {
            any = true;
            let pcm =
                Pcm { interleaved: &samples, rate: SAMPLE_RATE, channels: &CHANNEL_LAYOUT_STEREO };
            transcoder.push(&pcm, outlet)?;
        }
    }
}

fn helper(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(drop).map_err(|e| {
        Fault::transient(Reason::Internal, format!("no thread for ffmpeg: {}", e.kind()))
    })
}

/// Writes the source into the process until either ends. A process that closes its input early is content.
fn pour(mut source: Source, mut stdin: impl Write) {
    let mut block = vec![0; BLOCK];
    while let Ok(n @ 1..) = source.read(&mut block) {
        if stdin.write_all(&block[..n]).is_err() {
            return;
        }
    }
}

fn collect(stderr: impl Read, into: &Mutex<Vec<u8>>) {
    let mut said = Vec::new();
    let mut limited = stderr.take(STDERR_MAX);
    let is_read = limited.read_to_end(&mut said).is_ok();
    *into.lock().unwrap_or_else(PoisonError::into_inner) = said;
    if is_read {
        // The rest is read and forgotten, or the process would wait for a reader.
        let rest = io::copy(&mut limited.into_inner(), &mut io::sink());
        drop(rest);
    }
}

fn blocks_of(mut stdout: impl Read, blocks: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut block = vec![0; BLOCK];
        let read = stdout.read(&mut block);
        let read = match read {
            Ok(0) => return,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(n) => {
                block.truncate(n);
                Ok(block)
            }
            Err(error) => Err(error),
        };
        let is_last = read.is_err();
        if blocks.send(read).is_err() || is_last {
            return;
        }
    }
}

/// What ffmpeg's complaint amounts to.
fn explain(said: &str, any: bool) -> Fault {
    let line =
        said.lines().next().unwrap_or("no explanation").chars().take(200).collect::<String>();
    let detail = format!("ffmpeg: {line}");
    let has = |words: &str| said.contains(words);
    if any {
        return Fault::refused(Reason::Corrupt, detail);
    }
    if has("matches no streams") || has("does not contain any stream") || has("Invalid data found")
    {
        return Fault::refused(Reason::NotAudio, detail);
    }
    if has("moov atom not found") {
        return Fault::refused(Reason::Corrupt, detail);
    }
    Fault::refused(Reason::Unsupported, detail)
}

// === impl Process ===

impl Process {
    fn lock(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kill(&self) {
        // It may have exited already.
        if let Err(error) = self.lock().kill() {
            tracing::debug!(%error, "ffmpeg cannot be killed");
        }
    }

    /// Waits for the exit; whether it was a success.
    fn exit(&self) -> bool {
        let deadline = Instant::now() + EXIT;
        loop {
            match self.lock().try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) if Instant::now() < deadline => {}
                Ok(None) | Err(_) => return false,
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.0.kill();
        if let Err(error) = self.0.lock().wait() {
            tracing::warn!(%error, "ffmpeg was not reaped");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_never_an_option_or_an_address() {
        let check = |path: &str, expected: &str| {
            let arguments = arguments(Some(Path::new(path)), Duration::ZERO);
            let at = arguments.iter().position(|a| a == "-i").unwrap();
            assert_eq!(arguments[at + 1], expected);
        };
        check("-y", "file:-y");
        check("http://example.org/x", "file:http://example.org/x");
        check("/srv/a b'c.m4a", "file:/srv/a b'c.m4a");
        let piped = arguments(None, Duration::from_millis(1500));
        assert!(piped.windows(2).any(|w| w[0] == "-i" && w[1] == "pipe:0"));
        assert!(piped.windows(2).any(|w| w[0] == "-ss" && w[1] == "1.500000"));
        assert!(piped.windows(2).any(|w| w[0] == "-protocol_whitelist" && w[1] == "file,pipe"));
    }

    #[test]
    fn complaints_become_reasons() {
        let check = |said: &str, any: bool, expected: Reason| {
            assert_eq!(explain(said, any).reason, expected)
        };
        check("pipe:0: Invalid data found when processing input\n", false, Reason::NotAudio);
        check("Stream map '0:a:0' matches no streams.\n", false, Reason::NotAudio);
        check("Error while decoding stream", true, Reason::Corrupt);
        check("", false, Reason::Unsupported);
    }
}
