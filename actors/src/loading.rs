//! The track that a player opens or plays, and what keeps its bytes coming.
//!
//! Part of the player's actor: nothing here waits, answers come back as its messages.

use std::time::Duration;

use domain::Attempt;
use domain::track::Track;
use media::{Load, Pipeline};
use supervisor::{Context, task::Task};

use crate::feeding::{self, Opened};
use crate::root::chats::{chat::Parts, player};

pub(crate) struct Loading {
    pub(crate) attempt: Attempt,
    /// Where in the track it begins.
    pub(crate) from: Duration,
    pub(crate) pipeline: Option<Pipeline>,
    opening: Task,
    download: Option<Task>,
}

// === impl Loading ===

impl Loading {
    /// Looks for the bytes; `Opened` or, some time later, `Overdue`.
    pub(crate) fn open(
        context: &Context<player::Msg>,
        parts: &Parts,
        attempt: Attempt,
        track: Track,
        from: Duration,
    ) -> Loading {
        context.tasks().send_after(parts.shared.settings.load_max, player::Msg::Overdue(attempt));
        let asked = track.display();
        let heard = context.handle();
        let on_title = Box::new(move |title| {
            let _missed = heard.send(player::Msg::Titled { attempt, title }).is_err();
        });
        let opening = feeding::open(parts, track, on_title);
        let opening = context.tasks().spawn(async move {
            player::Msg::Opened { attempt, asked, told: Box::new(opening.await) }
        });
        Loading { attempt, from, pipeline: None, opening, download: None }
    }

    /// The bytes come: they are decoded.
    pub(crate) fn decode(&mut self, context: &Context<player::Msg>, parts: &Parts, opened: Opened) {
        let Opened { input, hint, download } = opened;
        self.download = download.map(|download| context.tasks().spawn_quiet(download));
        let (heard, attempt) = (context.handle(), self.attempt);
        let on_event = Box::new(move |event| {
            let _missed = heard.send(player::Msg::Pipeline { attempt, event }).is_err();
        });
        let load = Load { from: self.from, gain: 1.0, hint, on_event };
        self.pipeline = Some(parts.shared.engine.load(input, load));
    }

    /// Nobody wants it any more.
    pub(crate) fn abort(self) {
        self.opening.abort();
        if let Some(download) = &self.download {
            download.abort();
        }
    }
}
