//! yt-dlp is a program and no host, and fails in ways of its own: as a worker that is kept loaded, and as a command that is
//! started for each question. Both are the real ones; what they start is a stand-in.

use std::path::PathBuf;
use std::time::Duration;

use domain::Fault;
use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::time::timeout;

use super::NONE;
use super::play::{abilities, check, load, media, shown};
use crate::http::Http;
use crate::server::{self, Server};
use crate::service::Service as _;
use crate::services::ytdlp::{Settings, Ytdlp};
use crate::stand_ins::ytdlp::Installed;
use crate::table::Shape;

/// What the stand-in is asked for, and the words of the table.
pub(super) const WAYS: [(&str, &str); 33] = [
    ("null", "`null`, exit code 1, no word"),
    ("unavailable", "an error instead of an answer"),
    ("traceback", "a traceback"),
    ("broken", "a traceback at the start"),
    ("garbage", "a page instead of JSON"),
    ("cut", "a cut line, then the end"),
    ("dies", "killed in the middle"),
    ("loses", "one question is never answered"),
    ("hangs", "it hangs"),
    ("drips", "a slow drip"),
    ("endless", "a line without end"),
    ("robot", "“Sign in to confirm you’re not a bot”"),
    ("age", "“Sign in to confirm your age”"),
    ("private", "“Private video”"),
    ("geo", "“not made … available in your country”"),
    ("geo-elsewhere", "“not available from your location”"),
    ("rate", "“rate-limited … for up to an hour”"),
    ("changed", "“Unable to extract”: the site changed"),
    ("status-400", "the site says 400"),
    ("status-401", "the site says 401"),
    ("status-403", "the site says 403"),
    ("status-404", "the site says 404"),
    ("status-429", "the site says 429"),
    ("status-500", "the site says 500"),
    ("late", "the site is too slow"),
    ("refused", "the connection is refused"),
    ("unknown", "the name is unknown"),
    ("expired", "the link ends before it is used"),
    ("preview", "30 s instead of the track"),
    ("page-as-media", "a page saved as .mp3"),
    ("sent-inward", "sent to a private address"),
    ("link-inward", "the link leads to a private address"),
    ("inward", "asked for a private address"),
];

/// What all of it is about.
pub(super) struct Ytdlps {
    pub(super) name: &'static str,
    pub(super) abilities: [String; 4],
    /// In the order of [`WAYS`]: kept loaded, and started for each question.
    pub(super) failures: Vec<[String; 2]>,
}

/// One of them with the host of its media.
struct Play {
    service: Ytdlp,
    http: Http,
    server: Server,
    has_worker: bool,
    way: &'static str,
}

pub(super) async fn rows() -> Ytdlps {
    server::install_crypto();
    let installed = Installed::new();
    let healthy = Play::begin(&installed, "song", true).await;
    let failing = WAYS.iter().map(|(way, _)| async {
        let worker = Play::begin(&installed, way, true).await;
        let command = Play::begin(&installed, way, false).await;
        let (worker, command) = tokio::join!(worker.failure(), command.failure());
        [worker, command]
    });
    // each is some processes
    let failures = stream::iter(failing).buffered(8).collect();
    let (abilities, failures) = tokio::join!(healthy.abilities(), failures);
    Ytdlps { name: healthy.service.name(), abilities, failures }
}

// === impl Play ===

impl Play {
    async fn begin(installed: &Installed, way: &'static str, has_worker: bool) -> Play {
        let shape = match way {
            "expired" => Some(Shape::Expired),
            "page-as-media" => Some(Shape::PageAsMedia),
            _ => None,
        };
        let server = Server::start(move |request, number| media(shape, request, number)).await;
        let http = server::http(&[&server.address.to_string()]);
        let program = if way == "broken" { installed.broken() } else { installed.program() };
        let service = Ytdlp::find(http.clone(), settings(program, way, has_worker));
        Play { service: service.unwrap().unwrap(), http, server, has_worker, way }
    }

    async fn abilities(&self) -> [String; 4] {
        let [key, list, live] = ["/song", "/list", "/live"].map(|path| self.server.url(path));
        let asked = async {
            self.worker().await;
            abilities(["some words", &key, &list, &live], &self.service, &self.http).await
        };
        self.kept(asked).await
    }

    async fn failure(&self) -> String {
        let is_of_worker = matches!(self.way, "loses" | "sent-inward");
        if is_of_worker && !self.has_worker {
            return NONE.to_owned();
        }
        if !self.has_worker || self.way == "broken" {
            return self.kept(self.outcome()).await;
        }
        let asked = async {
            let before = self.worker().await;
            let outcome = self.outcome().await;
            match self.worker().await == before {
                true => outcome,
                false => format!("{outcome}, then a new worker"),
            }
        };
        self.kept(asked).await
    }

    /// Beside the worker's keeper, who may give up.
    async fn kept<T>(&self, asked: impl Future<Output = T>) -> T {
        let keeper = async {
            let ended = self.service.run().await;
            assert!(self.way == "broken", "the keeper gave up: {ended:?}");
            std::future::pending().await
        };
        tokio::select! {
            never = keeper => never,
            done = timeout(Duration::from_secs(240), asked) => done.expect(self.way),
        }
    }

    /// Which worker answers, as soon as one does.
    async fn worker(&self) -> String {
        loop {
            let who = self.service.describe(&self.server.url("/song")).await;
            let who = who.ok().and_then(|song| song.artist).unwrap_or_default();
            if who.starts_with("worker") {
                return who;
            }
        }
    }

    async fn outcome(&self) -> String {
        // what a process does by itself, the one that is asked next does not do
        let path = if self.has_worker { "/worker/" } else { "/" };
        let key = match self.way {
            "inward" => "http://10.0.0.1/song".to_owned(),
            way => self.server.url(&format!("{path}{way}")),
        };
        match self.plays(&key).await {
            Ok(who) if who == "command" => "plays, by the command".to_owned(),
            Ok(_) => "plays".to_owned(),
            Err(fault) => {
                check(self.way, &fault);
                let again = self.way == "expired" && self.plays(&key).await.is_ok();
                shown(&fault) + if again { ", then plays" } else { "" }
            }
        }
    }

    /// Who found it.
    async fn plays(&self, key: &str) -> Result<String, Fault> {
        let (song, stream) = self.service.open(key).await?;
        load(&self.http, &stream.url).await?;
        Ok(song.artist.unwrap_or_default())
    }
}

fn settings(program: PathBuf, way: &str, has_worker: bool) -> Settings {
    let search_path = std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect();
    let is_waited_for = matches!(way, "loses" | "hangs" | "drips");
    let answer_max = Duration::from_secs(if is_waited_for { 3 } else { 120 });
    let standard = Settings::standard(search_path, None);
    Settings { program: Some(program), answer_max, has_worker, ..standard }
}
