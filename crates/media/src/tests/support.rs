//! What the tests share: a chirp, containers written by hand, and a listener that decodes what it hears.

pub(crate) mod containers;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use domain::Fault;

use crate::ring::{End, Packet};
use crate::{Engine, Hint, Input, Load, Pipeline, PipelineEvent, Ready, Settings};

/// Nothing in these tests takes this long, even on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn settings() -> Settings {
    Settings {
        bitrate_bps: 128_000,
        complexity: 5,
        // The same, so that a loaded machine makes the same packets.
        complexity_loaded: 5,
        ring: Duration::from_secs(1),
        ffmpeg: None,
        streams_per_clock: 200,
        stall: Duration::from_secs(20),
    }
}

/// ffmpeg of this machine, if there is one.
pub(crate) fn ffmpeg() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|dir| dir.join("ffmpeg")).find(|path| path.is_file())
}

pub(crate) fn with_ffmpeg() -> Settings {
    Settings { ffmpeg: ffmpeg(), ..settings() }
}

pub(crate) fn data(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests-data", name].iter().collect()
}

pub(crate) fn data_bytes(name: &str) -> Vec<u8> {
    std::fs::read(data(name)).unwrap()
}

/// The chirp of tests-data, stereo interleaved: as many frames at `rate` as asked for.
pub(crate) fn chirp(rate: u32, frames: usize) -> Vec<f32> {
    let tau = std::f64::consts::TAU;
    let frame = |i: usize| {
        let t = i as f64 / f64::from(rate);
        let left = 0.5 * (tau * (200.0 * t + 200.0 * t * t)).sin();
        let right = 0.5 * (tau * (300.0 * t + 150.0 * t * t)).sin();
        [left as f32, right as f32]
    };
    (0..frames).flat_map(frame).collect()
}

/// A file that vanishes with the test.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch(tempfile::tempdir().unwrap())
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> Input {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Input::File(path)
    }
}

/// All that came of one load.
pub(crate) struct Heard {
    pub(crate) packets: Vec<Packet>,
    pub(crate) end: Option<End>,
    pub(crate) events: Vec<PipelineEvent>,
    pub(crate) start: u64,
}

impl Heard {
    pub(crate) fn ready(&self) -> &Ready {
        let ready = self.events.iter().find_map(|event| match event {
            PipelineEvent::Ready(ready) => Some(ready),
            PipelineEvent::Failed(_) => None,
        });
        ready.unwrap_or_else(|| panic!("not ready: {:?}", self.events))
    }

    pub(crate) fn fault(&self) -> &Fault {
        match &self.end {
            Some(End::Failed(fault)) => fault,
            other => panic!("it did not fail: {other:?}, {:?}", self.events),
        }
    }

    /// Samples of the track at 48 kHz, as the packets claim.
    pub(crate) fn played(&self) -> u64 {
        self.packets.iter().map(|packet| u64::from(packet.played)).sum()
    }

    /// What a listener hears: 48 kHz stereo.
    pub(crate) fn decode(&self) -> Vec<f32> {
        decode(self.packets.iter().map(|packet| packet.frame.payload.as_slice()))
    }
}

pub(crate) fn decode<'a>(packets: impl Iterator<Item = &'a [u8]>) -> Vec<f32> {
    let mut decoder = opus::Decoder::new(48_000, opus::Channels::Stereo).unwrap();
    let mut pcm = Vec::new();
    let mut frame = vec![0.0; 5760 * 2];
    for packet in packets {
        let n = decoder.decode_float(packet, &mut frame, false).unwrap();
        pcm.extend_from_slice(&frame[..n * 2]);
    }
    pcm
}

/// Samples by which an encoder with our settings lags.
pub(crate) const LAG: usize = 312;

pub(crate) struct Ask {
    pub(crate) from: Duration,
    pub(crate) gain: f32,
}

pub(crate) const PLAIN: Ask = Ask { from: Duration::ZERO, gain: 1.0 };

pub(crate) fn load(
    engine: &Engine,
    input: Input,
    ask: &Ask,
) -> (Pipeline, Arc<Mutex<Vec<PipelineEvent>>>) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&events);
    let on_event = Box::new(move |event| log.lock().unwrap().push(event));
    let pipeline = engine
        .load(input, Load { from: ask.from, gain: ask.gain, hint: Hint::default(), on_event });
    (pipeline, events)
}

/// Loads and listens to the end, faster than time.
pub(crate) fn hear_with(settings: Settings, input: Input, ask: &Ask) -> Heard {
    let engine = Engine::start(settings);
    let (mut pipeline, events) = load(&engine, input, ask);
    let packets = drain(&mut pipeline, |_| {});
    let end = pipeline.ring.end();
    let start = pipeline.ring.start();
    drop(pipeline);
    assert!(engine.shutdown(PATIENCE), "threads were left behind");
    let events = std::mem::take(&mut *events.lock().unwrap());
    Heard { packets, end, events, start }
}

pub(crate) fn hear(input: Input) -> Heard {
    hear_with(settings(), input, &PLAIN)
}

/// Takes packets until the end; `each` sees how many there were so far.
pub(crate) fn drain(pipeline: &mut Pipeline, mut each: impl FnMut(usize)) -> Vec<Packet> {
    let deadline = Instant::now() + PATIENCE;
    let mut packets = Vec::new();
    while !pipeline.ring.is_drained() {
        match pipeline.ring.pop() {
            Some(packet) => {
                packets.push(packet);
                each(packets.len());
            }
            None => thread::sleep(Duration::from_millis(1)),
        }
        assert!(Instant::now() < deadline, "no end after {} packets", packets.len());
    }
    packets
}

/// The correlation of two stereo sounds, -1 to 1, over the length of the shorter.
pub(crate) fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (f64::from(*a), f64::from(*b));
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    ab / (aa * bb).sqrt().max(1e-12)
}

/// `heard`, from its frame `lag` on, sounds like `meant`, and lasts at least as long.
#[track_caller]
pub(crate) fn assert_sounds_like(heard: &[f32], lag: usize, meant: &[f32], least: f64) {
    let heard = heard.get(lag * 2..).unwrap_or_default();
    assert!(heard.len() >= meant.len(), "only {} of {} samples", heard.len(), meant.len());
    let whole = correlation(heard, meant);
    assert!(whole >= least, "correlation {whole}, wanted {least}");
    // The ends are where sounds are cut: the last 20 ms must be right by themselves.
    let tail = meant.len().saturating_sub(1920);
    let at_end = correlation(&heard[tail..], &meant[tail..]);
    assert!(at_end >= least - 0.05, "correlation {at_end} in the last 20 ms");
}

/// The lag, in frames up to `max`, at which `heard` sounds most like `meant`.
pub(crate) fn best_lag(heard: &[f32], meant: &[f32], max: usize) -> usize {
    let window = meant.len().min(heard.len().saturating_sub(max * 2)).min(8_000);
    let score = |lag: &usize| correlation(&heard[lag * 2..lag * 2 + window], &meant[..window]);
    (0..=max).max_by(|a, b| score(a).total_cmp(&score(b))).unwrap_or(0)
}
