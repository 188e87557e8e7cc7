//! How a track's bytes reach the decoder: a file as it is, everything else through a bounded feed that a task of the
//! player fills.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use domain::track::{Attachment, Location};
use domain::{Fault, Reason};
use media::feed::{self, Command, FeedSettings, Writer};
use media::{Hint, Input};

use crate::root::chats::chat::Parts;

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

/// Opens what `location` points at; the future is for a task.
pub(crate) fn open(
    parts: &Parts,
    location: Location,
) -> impl Future<Output = Result<Opened, Fault>> + Send + use<> {
    let direct = parts.direct.clone();
    let account = parts.shared.bot_account.now();
    let capacity_bytes = parts.shared.sources.read_ahead_bytes;
    let stall = parts.shared.sources.stall;
    async move {
        let (download, hint, len, is_seekable) = match location {
            Location::File(path) => {
                let hint = Hint { extension: extension(&path), mime: None };
                return Ok(Opened { input: Input::File(path), hint, download: None });
            }
            Location::Http(url) => {
                let opened = direct.open(&url).await?;
                let extension =
                    opened.file_name.as_deref().and_then(|name| extension(Path::new(name)));
                let hint = Hint { extension, mime: Some(opened.mime().to_owned()) };
                (
                    Download::Http(Box::new(opened.download)),
                    hint,
                    opened.content_length,
                    opened.has_ranges,
                )
            }
            Location::Page { service, .. } => {
                let detail = format!("{service} is not there any more");
                return Err(Fault::refused(Reason::NotFound, detail));
            }
            Location::Telegram(attachment) => {
                let account = account.ok_or_else(|| {
                    Fault::transient(
                        Reason::TelegramUnreachable,
                        "the bot's account is not connected",
                    )
                })?;
                let download = Download::Telegram(Box::new(account.download(&attachment, 0)));
                (download, hint_of(&attachment), Some(attachment.size_bytes), true)
            }
        };
        let (writer, reader) = feed::feed(FeedSettings { capacity_bytes, len, is_seekable, stall });
        Ok(Opened {
            input: Input::Feed(reader),
            hint,
            download: Some(Box::pin(fill(download, writer))),
        })
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
