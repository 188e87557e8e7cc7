//! How a track's bytes reach the decoder: a file as it is, everything else through a bounded feed that a task of the
//! player fills.

mod download;
mod fetching;
mod page;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use domain::timeline::Timeline;
use domain::track::{Attachment, Location, Track};
use domain::{Fault, Reason};
use media::feed::{self, Command, FeedSettings, Writer};
use media::{Hint, Input};
use sources::cache::{Recorder, Whole};

use crate::caching;
use crate::resolving::Told;
use crate::root::chats::chat::Parts;

use download::Download;
use fetching::{Fetching, Found, Here};
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

/// Opens a track, and says what that went through; the future is for a task.
pub(crate) fn open(
    parts: &Parts,
    track: Track,
    on_title: OnTitle,
) -> impl Future<Output = Told<Opened>> + Send + use<> {
    let (direct, page) = (parts.direct.clone(), Page::of(parts, &track));
    let (account, readers) = (parts.shared.bot_account.now(), parts.shared.roster.readers());
    let cache = parts.shared.cache.clone();
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
            Location::Http(_) | Location::Page { .. } => {
                let fetching = Fetching { direct: &direct, page: &page, cache: &cache };
                match fetching.open(&track, &mut timeline).await {
                    Ok(Here::Whole(whole)) => return Told { outcome: Ok(kept(whole)), timeline },
                    Ok(Here::Coming(found)) => Ok(*found),
                    Err(fault) => Err(fault),
                }
            }
            Location::Telegram(attachment) => match account {
                Some(account) => {
                    let download = account.download(attachment, 0).or_by(readers);
                    let download = Download::Telegram(Box::new(download));
                    let (len, hint) = (Some(attachment.size_bytes), hint_of(attachment));
                    Ok(Found { download, hint, len, is_seekable: true, recorder: None })
                }
                None => Err(Fault::transient(
                    Reason::TelegramUnreachable,
                    "the bot's account is not connected",
                )),
            },
        };
        let outcome = found.map(|Found { download, hint, len, is_seekable, recorder }| {
            let settings = FeedSettings { capacity_bytes, len, is_seekable, stall };
            let (writer, reader) = feed::feed(settings);
            let is_page = matches!(track.location, Location::Page { .. });
            let reopening = is_page.then(|| Reopening::new(page, len));
            let supply = Supply { download, recorder, reopening, offset: 0 };
            let download = Some(Box::pin(fill(supply, writer, on_title)) as Pin<Box<_>>);
            Opened { input: Input::Feed(reader), hint, download }
        });
        Told { outcome, timeline }
    }
}

/// Plays from the disk; what is played stays there meanwhile.
fn kept(whole: Box<Whole>) -> Opened {
    let hint = Hint { extension: whole.extension.clone(), mime: Some(whole.mime.clone()) };
    let input = Input::File(whole.path.clone());
    let hold = async move {
        let _whole = whole;
        std::future::pending().await
    };
    Opened { input, hint, download: Some(Box::pin(hold)) }
}

/// Bytes that come while they are played.
struct Supply {
    download: Download,
    /// Writes down what comes.
    recorder: Option<Recorder>,
    reopening: Option<Reopening>,
    offset: u64,
}

/// Downloads into the feed, seeks when the reader asks, ends when nobody reads any more.
async fn fill(mut supply: Supply, mut writer: Writer, on_title: OnTitle) {
    loop {
        // a command makes the bytes under way worthless, so losing them with the future is right
        let step = tokio::select! {
            biased;
            command = writer.command() => Err(command),
            bytes = supply.download.next() => Ok(bytes),
        };
        let command = match step {
            Err(command) => command,
            Ok(Ok(Some(bytes))) => {
                supply.write_down(&bytes);
                match writer.push(&bytes).await {
                    Ok(()) => {
                        supply.offset += bytes.len() as u64;
                        supply.download.take_title().into_iter().for_each(&on_title);
                        supply.reopening.iter_mut().for_each(Reopening::went_on);
                        continue;
                    }
                    Err(command) => command,
                }
            }
            Ok(Ok(None)) => {
                writer.finish();
                // the reader may still seek, to an index at the end or back to its start
                writer.command().await
            }
            Ok(Err(fault)) => {
                if supply.again(&fault).await {
                    continue;
                }
                writer.fail(fault);
                writer.command().await
            }
        };
        match command {
            Command::Close => return,
            Command::Seek(to) => match supply.download.seek(to) {
                Ok(()) => supply.offset = to,
                Err(fault) => writer.fail(fault),
            },
        }
    }
}

// === impl Supply ===

impl Supply {
    fn write_down(&mut self, bytes: &bytes::Bytes) {
        let recorder = self.recorder.as_mut();
        if let Some(job) = recorder.and_then(|recorder| recorder.offer(self.offset, bytes)) {
            caching::run(job);
        }
    }

    /// Goes on with the same bytes at another address, when the first one ended under the reader.
    async fn again(&mut self, why: &Fault) -> bool {
        let Some(reopening) = self.reopening.as_mut() else { return false };
        let Some(opened) = reopening.at(self.offset, why).await else { return false };
        // for the ear it is the same; what is kept has to be the same bit for bit
        let identity = opened.identity.as_ref();
        self.recorder.take_if(|recorder| !recorder.goes_on(identity));
        self.download = Download::Http(Box::new(opened.download));
        true
    }
}

fn hint_of(attachment: &Attachment) -> Hint {
    let extension = attachment.file_name.as_deref().and_then(|name| extension(Path::new(name)));
    Hint { extension, mime: attachment.mime.clone() }
}

fn extension(path: &Path) -> Option<String> {
    path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase)
}
