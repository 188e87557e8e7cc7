//! How a track's bytes reach the decoder: a file as it is, everything else through a bounded feed that a task of the
//! player fills.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use domain::timeline::{Came, Row, Step, Then, Timeline};
use domain::track::{Attachment, Location, Track};
use domain::{Fault, Reason};
use media::feed::{self, Command, FeedSettings, Writer};
use media::{Hint, Input};

use crate::patience;
use crate::resolving::Told;
use crate::root::chats::chat::Parts;
use crate::root::extractors::resolver;

/// A track ready to be decoded.
pub(crate) struct Opened {
    pub(crate) input: Input,
    pub(crate) hint: Hint,
    /// Fills the feed until its reader closes it; the player owns it as a task.
    pub(crate) download: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// Something that yields a track's bytes in order, from any offset it supports.
enum Download {
    Http(Box<sources::direct::Download>),
    Telegram(Box<telegram::Download>),
}

/// Opens a track, and says what that went through; the future is for a task.
pub(crate) fn open(
    parts: &Parts,
    track: Track,
) -> impl Future<Output = Told<Opened>> + Send + use<> {
    let (direct, pages) = (parts.direct.clone(), Pages::of(parts));
    let account = parts.shared.bot_account.now();
    let capacity_bytes = parts.shared.sources.read_ahead_bytes;
    let stall = parts.shared.sources.stall;
    async move {
        let mut timeline = Timeline::default();
        let found = match &track.location {
            Location::File(path) => {
                let hint = Hint { extension: extension(path), mime: None };
                let input = Input::File(path.clone());
                return Told { outcome: Ok(Opened { input, hint, download: None }), timeline };
            }
            Location::Http(url) => direct.open(url).await.map(of_link),
            Location::Page { .. } => pages.open(&direct, &track, &mut timeline).await.map(of_link),
            Location::Telegram(attachment) => match account {
                Some(account) => {
                    let download = Download::Telegram(Box::new(account.download(attachment, 0)));
                    let len = Some(attachment.size_bytes);
                    Ok(Found { download, hint: hint_of(attachment), len, is_seekable: true })
                }
                None => Err(Fault::transient(
                    Reason::TelegramUnreachable,
                    "the bot's account is not connected",
                )),
            },
        };
        let outcome = found.map(|Found { download, hint, len, is_seekable }| {
            let settings = FeedSettings { capacity_bytes, len, is_seekable, stall };
            let (writer, reader) = feed::feed(settings);
            let download = Some(Box::pin(fill(download, writer)) as Pin<Box<_>>);
            Opened { input: Input::Feed(reader), hint, download }
        });
        Told { outcome, timeline }
    }
}

/// Bytes that can be had now, and what is known of them.
struct Found {
    download: Download,
    hint: Hint,
    len: Option<u64>,
    is_seekable: bool,
}

fn of_link(opened: sources::direct::Opened) -> Found {
    let extension = opened.file_name.as_deref().and_then(|name| extension(Path::new(name)));
    let hint = Hint { extension, mime: Some(opened.mime().to_owned()) };
    Found {
        len: opened.content_length,
        is_seekable: opened.has_ranges,
        download: Download::Http(Box::new(opened.download)),
        hint,
    }
}

/// The way to the bytes of a service's page: its address is asked for first.
struct Pages {
    resolver: supervisor::Handle<resolver::Msg>,
    within: std::time::Duration,
}

impl Pages {
    fn of(parts: &Parts) -> Pages {
        let within = parts.shared.sources.lookups.inquiry.deadline;
        Pages { resolver: parts.shared.resolver.clone(), within }
    }

    /// An address that does not work any more is asked for anew, once.
    async fn open(
        &self,
        direct: &sources::direct::Direct,
        track: &Track,
        timeline: &mut Timeline,
    ) -> Result<sources::direct::Opened, Fault> {
        let began = tokio::time::Instant::now();
        let mut is_stale = false;
        loop {
            let at = began.elapsed();
            let ask = |reply| {
                let track = Box::new(track.clone());
                resolver::Msg::Open { track, is_stale, reply }
            };
            let told = patience::ask(&self.resolver, ask, self.within).await.map_err(|error| {
                let detail = format!("the resolver did not answer: {error}");
                Fault::transient(Reason::Internal, detail)
            })?;
            timeline.append(told.timeline, at);
            let url = told.outcome?.url;
            let at = began.elapsed();
            let fault = match direct.open(&url).await {
                Ok(opened) => return Ok(opened),
                Err(fault) => fault,
            };
            tracing::debug!(%fault, is_stale, "a stream's address does not work");
            timeline.0.push(Row {
                who: format!("stream of {}", track.source),
                step: Step::Open,
                at_ms: at.as_millis() as u64,
                took_ms: (began.elapsed() - at).as_millis() as u64,
                came: Came::of(&fault),
                is_slow: false,
                then: if is_stale { Then::GivenUp } else { Then::AskedAgain },
            });
            if is_stale {
                return Err(fault);
            }
            is_stale = true;
        }
    }
}

/// Downloads into the feed, seeks when the reader asks, ends when nobody reads any more.
async fn fill(mut download: Download, mut writer: Writer) {
    loop {
        // a command makes the bytes under way worthless, so losing them with the future is right
        let step = tokio::select! {
            biased;
            command = writer.command() => Err(command),
            bytes = download.next() => Ok(bytes),
        };
        let command = match step {
            Err(command) => command,
            Ok(Ok(Some(bytes))) => match writer.push(&bytes).await {
                Ok(()) => continue,
                Err(command) => command,
            },
            Ok(Ok(None)) => {
                writer.finish();
                // the reader may still seek, to an index at the end or back to its start
                writer.command().await
            }
            Ok(Err(fault)) => {
                writer.fail(fault);
                writer.command().await
            }
        };
        match command {
            Command::Close => return,
            Command::Seek(offset) => {
                if let Err(fault) = download.seek(offset) {
                    writer.fail(fault);
                }
            }
        }
    }
}

// === impl Download ===

impl Download {
    async fn next(&mut self) -> Result<Option<bytes::Bytes>, Fault> {
        match self {
            Download::Http(download) => download.next().await,
            Download::Telegram(download) => Ok(download.next().await?),
        }
    }

    fn seek(&mut self, offset: u64) -> Result<(), Fault> {
        match self {
            Download::Http(download) => download.seek(offset),
            Download::Telegram(download) => {
                download.seek(offset);
                Ok(())
            }
        }
    }
}

fn hint_of(attachment: &Attachment) -> Hint {
    let extension = attachment.file_name.as_deref().and_then(|name| extension(Path::new(name)));
    Hint { extension, mime: attachment.mime.clone() }
}

fn extension(path: &Path) -> Option<String> {
    path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase)
}
