//! How a track's bytes reach the decoder: a file as it is, everything else through a bounded feed that a task of the
//! player fills.

mod page;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use domain::timeline::Timeline;
use domain::track::{Attachment, Location, Track};
use domain::{Fault, Reason};
use media::feed::{self, Command, FeedSettings, Writer};
use media::{Hint, Input};

use crate::resolving::Told;
use crate::root::chats::chat::Parts;

use page::{Page, Reopening};

/// A track ready to be decoded.
pub(crate) struct Opened {
    pub(crate) input: Input,
    pub(crate) hint: Hint,
    /// Fills the feed until its reader closes it; the player owns it as a task.
    pub(crate) download: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// Hears what a station calls the song that is on, a few seconds before it is heard: what was read ahead comes first.
pub(crate) type OnTitle = Box<dyn Fn(String) + Send + Sync>;

/// Something that yields a track's bytes in order, from any offset it supports.
enum Download {
    Http(Box<sources::direct::Download>),
    Telegram(Box<telegram::Download>),
}

/// Opens a track, and says what that went through; the future is for a task.
pub(crate) fn open(
    parts: &Parts,
    track: Track,
    on_title: OnTitle,
) -> impl Future<Output = Told<Opened>> + Send + use<> {
    let (direct, page) = (parts.direct.clone(), Page::of(parts, &track));
    let (account, readers) = (parts.shared.bot_account.now(), parts.shared.roster.readers());
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
            Location::Page { .. } => page.open(&mut timeline).await.map(of_link),
            Location::Telegram(attachment) => match account {
                Some(account) => {
                    let download = account.download(attachment, 0).or_by(readers);
                    let download = Download::Telegram(Box::new(download));
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
            let is_page = matches!(track.location, Location::Page { .. });
            let reopening = is_page.then(|| Reopening::new(page, len));
            let download =
                Some(Box::pin(fill(download, writer, reopening, on_title)) as Pin<Box<_>>);
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

/// Downloads into the feed, seeks when the reader asks, ends when nobody reads any more.
async fn fill(
    mut download: Download,
    mut writer: Writer,
    mut reopening: Option<Reopening>,
    on_title: OnTitle,
) {
    let mut offset = 0;
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
                Ok(()) => {
                    offset += bytes.len() as u64;
                    download.take_title().into_iter().for_each(&on_title);
                    reopening.iter_mut().for_each(Reopening::went_on);
                    continue;
                }
                Err(command) => command,
            },
            Ok(Ok(None)) => {
                writer.finish();
                // the reader may still seek, to an index at the end or back to its start
                writer.command().await
            }
            Ok(Err(fault)) => {
                if let Some(anew) = again(&mut reopening, offset, &fault).await {
                    download = anew;
                    continue;
                }
                writer.fail(fault);
                writer.command().await
            }
        };
        match command {
            Command::Close => return,
            Command::Seek(to) => match download.seek(to) {
                Ok(()) => offset = to,
                Err(fault) => writer.fail(fault),
            },
        }
    }
}

/// The same bytes from `offset` at another address, when the first one ended under the reader.
async fn again(reopening: &mut Option<Reopening>, offset: u64, why: &Fault) -> Option<Download> {
    let opened = reopening.as_mut()?.at(offset, why).await?;
    Some(Download::Http(Box::new(opened.download)))
}

// === impl Download ===

impl Download {
    async fn next(&mut self) -> Result<Option<bytes::Bytes>, Fault> {
        match self {
            Download::Http(download) => download.next().await,
            Download::Telegram(download) => Ok(download.next().await?),
        }
    }

    fn take_title(&mut self) -> Option<String> {
        match self {
            Download::Http(download) => download.take_title(),
            Download::Telegram(_) => None,
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
