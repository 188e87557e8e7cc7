//! `bench calls`: N calls that play the same file, measured over a steady window.
//!
//! Engine, clock, sink and transport are those of the bot, with the bot's settings. Memory is read when one call plays
//! and again when all do, so that what a process needs anyway is not charged to any call.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use domain::Attempt;
use group_call::{Connection, ConnectionEvent, Style, Transport};
use media::{Engine, FrameStats, Input, Load, PipelineEvent, Ready, Stream, StreamEvent};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::child::MediaServer;
use super::conditions::Moment;
use super::floor::Floor;
use super::process::{self, Memory};
use super::report::{self, Figures};
use super::server::Counts;
use super::spacing::Spacings;
use crate::assemble;
use crate::cli::{CallStyle, CallsOptions};
use crate::config::Config;

/// Until rings are full and handshakes forgotten.
const SETTLE: Duration = Duration::from_secs(5);
/// How long all calls together may take to come up.
const START_MAX: Duration = Duration::from_secs(60);
/// How often the engine's state is looked at.
const LOOK: Duration = Duration::from_secs(1);
const STOP_MAX: Duration = Duration::from_secs(2);

/// What the calls tell, by number.
#[derive(Debug)]
enum News {
    Connected(usize),
    Lost(usize, String),
    Ready(Ready),
    Broken(String),
    Started,
    Drained(usize),
}

struct Call {
    connection: Connection,
    stream: Stream,
    attempt: Attempt,
}

/// All calls of one run.
struct Calls {
    engine: Engine,
    transport: Transport,
    server: MediaServer,
    file: PathBuf,
    style: Style,
    calls: Vec<Call>,
    news: mpsc::Receiver<News>,
    teller: mpsc::Sender<News>,
    /// First frames sent, of any track.
    started: usize,
    /// Tracks that came to their end and were begun again.
    repeats: u64,
    source: Option<Ready>,
}

/// Everything that is counted from the beginning.
struct Totals {
    frames: FrameStats,
    packets: u64,
    dropped: u64,
    /// Opus in the packets.
    bytes: u64,
    counts: Counts,
    /// Frames by how late the clock was with them.
    lateness: Spacings,
    repeats: u64,
}

pub(super) async fn run(options: &CallsOptions) -> Result<()> {
    let figures = measure(options).await?;
    if options.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        print!("{}", report::table(&figures));
    }
    Ok(())
}

async fn measure(options: &CallsOptions) -> Result<Figures> {
    let mut calls = Calls::new(options).await?;
    calls.start(1).await?;
    calls.watch(SETTLE).await?;
    let one = process::memory()?;
    calls.start(options.calls).await?;
    calls.watch(SETTLE).await?;

    let helper = calls.server.process();
    let before = calls.totals().await?;
    let begin = Moment::now(helper.as_deref())?;
    let (mut loaded, mut looks, mut threads) = (0u64, 0u64, 0);
    let mut next = Instant::now();
    let end = next + Duration::from_secs(options.seconds);
    while next < end {
        next += LOOK;
        calls.watch_until(next).await?;
        looks += 1;
        loaded += u64::from(calls.engine.stats().is_loaded);
        threads = process::usage("self")?.threads.max(threads);
    }
    let finish = Moment::now(helper.as_deref())?;
    let all = process::memory()?;
    let after = calls.totals().await?;

    let (spent, conditions) = begin.until(&finish);
    let engine = calls.engine.stats();
    let source = calls.source.clone().context("nothing was played")?;
    let lateness = after.lateness.since(&before.lateness).deviation(Duration::ZERO);
    let packet_bytes = (after.bytes - before.bytes) / (after.packets - before.packets).max(1);
    let packets = after.packets_since(&before, spent.helper, spent.wall);
    let repeats = after.repeats - before.repeats;
    // The server lives as long as its value.
    let (_server, drain) = calls.stop().await?;
    let floor = Floor::measure(
        &options.file,
        source.is_passthrough,
        &assemble::media(&Config::parse_all(&[])?)?,
        options.calls,
        usize::try_from(packet_bytes)?,
        drain,
    )?;
    let figures = Figures {
        calls: options.calls,
        style: format!("{:?}", options.style).to_lowercase(),
        file: options.file.display().to_string(),
        source: report::Source::of(&source),
        window_s: spent.wall.as_secs_f64(),
        cpu: report::Cpu::of(&spent, after.frames.sent - before.frames.sent),
        memory: report::MemoryUse::of(one, all, options.calls),
        threads,
        frames: report::Frames::between(before.frames, after.frames),
        floor,
        lateness,
        packets,
        encoder: report::Encoder {
            load_permille: engine.encode_load_permille,
            reduced_share: loaded as f64 / looks.max(1) as f64,
        },
        clock_lateness_max_ms: engine.lateness_max.as_secs_f64() * 1_000.0,
        repeats,
        conditions,
    };
    Ok(figures)
}

// === impl Calls ===

impl Calls {
    async fn new(options: &CallsOptions) -> Result<Calls> {
        let file = options.file.clone();
        anyhow::ensure!(file.is_file(), "there is no file at {}", file.display());
        let config = Config::parse_all(&[])?;
        let (teller, news) = mpsc::channel(usize::from(options.calls) * 8 + 64);
        Ok(Calls {
            engine: Engine::start(assemble::media(&config)?),
            transport: Transport::new(assemble::transport(&config))?,
            server: MediaServer::start().await?,
            file,
            style: match options.style {
                CallStyle::Native => Style::Native,
                CallStyle::Web => Style::Web,
            },
            calls: Vec::new(),
            news,
            teller,
            started: 0,
            repeats: 0,
            source: None,
        })
    }

    /// Adds calls until there are so many, and waits until all of them play.
    async fn start(&mut self, calls: u16) -> Result<()> {
        let deadline = Instant::now() + START_MAX;
        let wanted = self.started + usize::from(calls) - self.calls.len();
        for number in self.calls.len()..usize::from(calls) {
            let call = self.join(number).await?;
            self.calls.push(call);
            self.play(number);
        }
        while self.started < wanted {
            let news = timeout_at(deadline, self.news.recv()).await;
            let news = news.context("not all calls came up in time")?;
            self.hear(news.context("nobody tells anything")?)?;
        }
        Ok(())
    }

    async fn join(&mut self, number: usize) -> Result<Call> {
        let mut connection = self.transport.prepare(self.style).await?;
        let room = u16::try_from(number + 1)?;
        let answer = self.server.join(room, connection.payload()).await?;
        let tell = teller(&self.teller);
        let on_event = move |event| match event {
            ConnectionEvent::Connected => tell(News::Connected(number)),
            ConnectionEvent::Lost(fault) => tell(News::Lost(number, fault.to_string())),
            ConnectionEvent::Closed => tell(News::Lost(number, "closed".to_owned())),
            ConnectionEvent::ServerMessage(_) => {}
        };
        connection.apply(&answer.to_string(), on_event).await?;
        let tell = teller(&self.teller);
        let stream = self.engine.stream(Box::new(move |event| match event {
            StreamEvent::Started { .. } => tell(News::Started),
            StreamEvent::Drained { .. } => tell(News::Drained(number)),
            StreamEvent::Failed { fault, .. } => tell(News::Broken(fault.to_string())),
            StreamEvent::SinkLost => tell(News::Lost(number, "took no frames".to_owned())),
        }));
        Ok(Call { connection, stream, attempt: Attempt(0) })
    }

    /// Plays the file from its beginning.
    fn play(&mut self, number: usize) {
        let tell = teller(&self.teller);
        let on_event = Box::new(move |event| match event {
            PipelineEvent::Ready(ready) => tell(News::Ready(ready)),
            PipelineEvent::Failed(fault) => tell(News::Broken(fault.to_string())),
        });
        let load = Load { from: Duration::ZERO, gain: 1.0, hint: media::Hint::default(), on_event };
        let pipeline = self.engine.load(Input::File(self.file.clone()), load);
        let call = &mut self.calls[number];
        call.attempt = Attempt(call.attempt.0 + 1);
        call.stream.attach(call.attempt, pipeline);
    }

    async fn watch(&mut self, time: Duration) -> Result<()> {
        self.watch_until(Instant::now() + time).await
    }

    async fn watch_until(&mut self, deadline: Instant) -> Result<()> {
        while let Ok(news) = timeout_at(deadline, self.news.recv()).await {
            self.hear(news.context("nobody tells anything")?)?;
        }
        Ok(())
    }

    fn hear(&mut self, news: News) -> Result<()> {
        match news {
            News::Connected(number) => {
                let call = &self.calls[number];
                let sink = actors::CallSink(call.connection.sender());
                call.stream.set_sink(Box::new(sink));
            }
            News::Ready(ready) => self.source = Some(ready),
            News::Started => self.started += 1,
            News::Drained(number) => {
                self.repeats += 1;
                self.play(number);
            }
            News::Lost(number, why) => bail!("call {number} was lost: {why}"),
            News::Broken(why) => bail!("{} cannot be played: {why}", self.file.display()),
        }
        Ok(())
    }

    async fn totals(&mut self) -> Result<Totals> {
        let mut totals = Totals {
            frames: FrameStats::default(),
            packets: 0,
            dropped: 0,
            bytes: 0,
            lateness: Spacings::default(),
            counts: self.server.count(u16::try_from(self.calls.len())?).await?,
            repeats: self.repeats,
        };
        for call in &self.calls {
            let (frames, packets) = (call.stream.stats(), call.connection.stats());
            totals.frames.sent += frames.sent;
            totals.frames.nulled += frames.nulled;
            totals.frames.deficit += frames.deficit;
            totals.packets += packets.packets_sent;
            totals.dropped += packets.packets_dropped;
            totals.bytes += packets.bytes_sent;
        }
        for (step, frames) in self.engine.lateness() {
            totals.lateness.add(step, frames);
        }
        Ok(totals)
    }

    /// Ends everything but the media server, which only receives from then on, and where.
    async fn stop(mut self) -> Result<(MediaServer, SocketAddr)> {
        for Call { connection, stream, .. } in self.calls {
            stream.clear_sink();
            connection.close().await;
        }
        if !self.engine.shutdown(STOP_MAX) {
            tracing::warn!("audio threads did not end in time");
        }
        let drain = self.server.drain().await?;
        Ok((self.server, drain))
    }
}

/// Tells from any thread; who is too slow to listen loses news and fails for it.
fn teller(news: &mpsc::Sender<News>) -> impl Fn(News) + Send + Sync + 'static {
    let news = news.clone();
    move |one| {
        if let Err(error) = news.try_send(one) {
            tracing::debug!(%error, "news came too late or too fast");
        }
    }
}

// === impl Totals ===

impl Totals {
    fn packets_since(
        &self,
        before: &Totals,
        server_cpu: Duration,
        wall: Duration,
    ) -> report::Packets {
        let counts = self.counts.since(&before.counts);
        report::Packets {
            sent: self.packets - before.packets,
            dropped: self.dropped - before.dropped,
            arrived: counts.packets,
            refused: counts.refused(),
            lost: counts.lost,
            spacing: counts.spacings.deviation(report::FRAME),
            oddities: counts.reasons,
            srtp: counts.srtp,
            server_cores: server_cpu.as_secs_f64() / wall.as_secs_f64().max(0.001),
        }
    }
}

impl report::MemoryUse {
    fn of(one: Memory, all: Memory, calls: u16) -> report::MemoryUse {
        let further = super::statistics::per_further_call;
        report::MemoryUse {
            rss_one_kib: one.rss_kib,
            rss_all_kib: all.rss_kib,
            pss_one_kib: one.pss_kib,
            pss_all_kib: all.pss_kib,
            rss_per_further_call_kib: further(one.rss_kib, all.rss_kib, calls),
            pss_per_further_call_kib: further(one.pss_kib, all.pss_kib, calls),
        }
    }
}
