//! Plays one service in one way, and says what came of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::{Class, Fault, Reason};
use serde_json::json;
use tokio::net::TcpSocket;

use super::{NONE, Row, SHAPES, Shape};
use crate::api::{Api, Settings};
use crate::direct::{self, Direct};
use crate::http::{Http, Settings as HttpSettings};
use crate::server::{self, Request, Server, Step, answer, flac, head, redirect};
use crate::service::Service;
use crate::stand_ins::{Scene, StandIn};

/// Where nobody may be sent.
const INSIDE: &str = "http://10.0.0.1";

/// A service with the stand-in that it talks to.
pub(super) struct Play {
    pub(super) service: Box<dyn Service>,
    http: Http,
    server: Server,
    /// Holds the port at which nobody listens.
    _deaf: TcpSocket,
}

pub(super) async fn row(stand_in: &'static StandIn) -> Row {
    let play = play(stand_in, None).await;
    let is_catalogue = !play.service.abilities().open;
    let mut failures = Vec::new();
    for (shape, _) in SHAPES {
        failures.push(failure(stand_in, shape, is_catalogue).await);
    }
    let service = play.service.name().to_owned();
    let asked = [stand_in.words, stand_in.key, stand_in.list, stand_in.live];
    let abilities = abilities(asked, &*play.service, &play.http).await;
    Row { service, abilities, failures }
}

/// What every failure is checked for, whatever it is: no key is told, and nothing else is taken for an answer.
pub(super) fn check(place: &str, fault: &Fault) {
    let detail = &fault.detail;
    assert!(!detail.contains("SECRET") && !detail.contains('?'), "{place}: {detail}");
    assert!(!detail.is_empty() && fault.reason != Reason::Internal, "{place}: {detail}");
}

pub(super) fn shown(fault: &Fault) -> String {
    match fault.class {
        Class::Transient => format!("retry: {:?}", fault.reason),
        Class::FloodWait(wait) => format!("wait {} s", wait.as_secs()),
        Class::Refused => format!("refused: {:?}", fault.reason),
        Class::Fatal => format!("fatal: {:?}", fault.reason),
    }
}

pub(super) async fn play(stand_in: &'static StandIn, shape: Option<Shape>) -> Play {
    server::install_crypto();
    let n_loads = AtomicUsize::new(0);
    let server =
        Server::start(move |request, number| steps(stand_in, shape, request, number, &n_loads))
            .await;
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = match shape {
        Some(Shape::RefusedConnection) => deaf.local_addr().unwrap().to_string(),
        _ => server.address.to_string(),
    };
    let host = match shape {
        Some(Shape::UnknownName) => "nowhere.test".to_owned(),
        _ => address.clone(),
    };
    let is_short = |which| shape == Some(which);
    let settings = HttpSettings {
        answer_timeout: Duration::from_millis(if is_short(Shape::SilentHead) {
            300
        } else {
            20_000
        }),
        ..server::settings(&[&address])
    };
    let http = match shape {
        Some(Shape::UnknownName) => {
            let unknown: Arc<_> =
                Arc::new(|_| Box::pin(async { Err(std::io::Error::other("no such name")) }) as _);
            Http::with_lookup(settings, unknown).unwrap()
        }
        _ => Http::new(settings).unwrap(),
    };
    let answer_max = Duration::from_millis(if is_short(Shape::Drip) { 600 } else { 60_000 });
    let api = Api::new(http.clone(), Settings { answer_max, ..Settings::STANDARD });
    let service = (stand_in.build)(&format!("http://{host}"), &api).unwrap();
    Play { service, http, server, _deaf: deaf }
}

impl Play {
    pub(super) fn seen(&self) -> Vec<Request> {
        self.server.seen()
    }
}

/// Loads what a link leads to, as far as it takes to know what it is.
pub(super) async fn load(http: &Http, link: &str) -> Result<(), Fault> {
    let limits = direct::Settings {
        bytes_max: 1 << 20,
        stall_timeout: Duration::from_secs(20),
        rate_min: 1,
        rate_window: Duration::from_secs(20),
        open_max: Duration::from_secs(60),
        attempts_max: 1,
        backoff: Duration::from_millis(1),
    };
    Direct::new(http.clone(), limits).open(link).await.map(|_| ())
}

/// What comes of asking for these words, this track, this list and this stream without end.
pub(super) async fn abilities(
    [words, key, list, live]: [&str; 4],
    service: &dyn Service,
    http: &Http,
) -> [String; 4] {
    let able = service.abilities();
    let mut cells = [NONE; 4].map(str::to_owned);
    if able.search {
        let found = service.search(words, 5).await.unwrap();
        assert!(!found.is_empty() && found.iter().all(|it| !it.key.is_empty()), "{found:?}");
        cells[0] = "yes".to_owned();
    }
    cells[1] = match able.open {
        true => {
            let (_, stream) = service.open(key).await.unwrap();
            load(http, &stream.url).await.unwrap();
            let lifetime = stream.lifetime.map(|it| match it.as_secs() {
                seconds if seconds < 3600 => format!("link for {seconds} s"),
                seconds => format!("link for {} h", seconds / 3600),
            });
            lifetime.unwrap_or("link to keep".to_owned())
        }
        false => {
            let named = service.describe(key).await.unwrap();
            assert!(named.key.is_empty(), "a catalogue opens nothing: {named:?}");
            "name only".to_owned()
        }
    };
    if able.list {
        let page = service.list(list, None).await.unwrap();
        assert!(!page.entries.is_empty());
        cells[2] = "yes".to_owned();
    }
    if able.live {
        let (station, stream) = service.open(live).await.unwrap();
        assert!(station.is_live && station.duration.is_none(), "{station:?}");
        cells[3] = format!("{:?}", stream.kind).to_lowercase();
    }
    cells
}

async fn failure(stand_in: &'static StandIn, shape: Shape, is_catalogue: bool) -> String {
    let is_of_media = matches!(shape, Shape::Expired | Shape::PageAsMedia | Shape::LinkInward);
    let is_own = matches!(shape, Shape::Preview | Shape::DeniedOnce);
    if is_of_media && is_catalogue || is_own && !stand_in.own.contains(&shape) {
        return NONE.to_owned();
    }
    let play = play(stand_in, Some(shape)).await;
    let place = format!("{} {shape:?}", play.service.name());
    if !stand_in.words.is_empty() && !is_of_media && !stand_in.own.contains(&shape) {
        let fault = play.service.search(stand_in.words, 5).await.expect_err(&place);
        check(&place, &fault);
    }
    if is_catalogue {
        return match play.service.describe(stand_in.key).await {
            Ok(_) => "renewed, answers".to_owned(),
            Err(fault) => {
                check(&place, &fault);
                shown(&fault)
            }
        };
    }
    let fault = match play.service.open(stand_in.key).await {
        Err(fault) => fault,
        Ok((_, stream)) => match load(&play.http, &stream.url).await {
            Err(fault) => fault,
            Ok(()) => return "renewed, plays".to_owned(),
        },
    };
    check(&place, &fault);
    if shape == Shape::Expired {
        let (_, stream) = play.service.open(stand_in.key).await.unwrap();
        load(&play.http, &stream.url).await.unwrap();
        return format!("{}, then plays", shown(&fault));
    }
    shown(&fault)
}

/// What the stand-in's server does with a request.
fn steps(
    stand_in: &StandIn,
    shape: Option<Shape>,
    request: &Request,
    number: usize,
    n_loads: &AtomicUsize,
) -> Vec<Step> {
    if request.place() == "/media" || request.place().starts_with("/media/") {
        return media(shape, request, n_loads.fetch_add(1, Ordering::Relaxed));
    }
    let here = format!("http://{}", request.header("host").unwrap());
    let media = if shape == Some(Shape::LinkInward) { INSIDE.to_owned() } else { here.clone() };
    let is_spared = stand_in.spared.iter().any(|path| request.place().starts_with(path));
    match shape.filter(|shape| !is_spared && !stand_in.own.contains(shape)) {
        Some(shape) => failing(shape).unwrap_or_else(|| {
            (stand_in.answer)(&Scene { shape: None, number, here, media }, request)
        }),
        None => (stand_in.answer)(&Scene { shape, number, here, media }, request),
    }
}

/// The ways of failing that all share.
fn failing(shape: Shape) -> Option<Vec<Step>> {
    let long =
        head("200 OK", &[("Content-Type", "application/json"), ("Content-Length", "100000")]);
    Some(match shape {
        Shape::ErrorIn200 => server::json(&json!({"error": "SECRET", "message": "SECRET"})),
        Shape::CodeIn400 => answer("400 Bad Request", &[], br#"{"error":{"code":"bad.SECRET"}}"#),
        Shape::StackTrace => {
            let trace =
                json!({"error": "java.lang.NullPointerException\n\tat SECRET", "message": "null"});
            answer("500 Internal Server Error", &[], trace.to_string().as_bytes())
        }
        Shape::Denied => answer("403 Forbidden", &[], b"{}"),
        Shape::TooMany => answer("429 Too Many Requests", &[("Retry-After", "7")], b"{}"),
        Shape::Page => {
            let page = b"<!doctype html><title>Just a moment...</title>";
            answer("200 OK", &[("Content-Type", "text/html")], page)
        }
        Shape::SilentHead => vec![Step::Hang],
        Shape::Drip => vec![Step::Send(long), Step::Drip(Duration::from_millis(20))],
        Shape::Cut => vec![Step::Send(long), Step::Send(b"{\"items\": [".to_vec())],
        Shape::WrongLength => {
            let short = head("200 OK", &[("Content-Length", "5")]);
            vec![Step::Send(short), Step::Send(b"{\"items\": []}".to_vec())]
        }
        Shape::RedirectInward => redirect("http://10.0.0.1/admin?key=SECRET"),
        Shape::Null => server::json(&json!(null)),
        Shape::Endless => {
            vec![Step::Send(head("200 OK", &[])), Step::Endless(b"[1,".repeat(10_000))]
        }
        _ => return None,
    })
}

/// What a link leads to.
pub(super) fn media(shape: Option<Shape>, request: &Request, number: usize) -> Vec<Step> {
    match shape {
        Some(Shape::PageAsMedia) => {
            let page = b"<!doctype html><title>Sign in</title>".repeat(10);
            answer("200 OK", &[("Content-Type", "audio/mpeg")], &page)
        }
        Some(Shape::Expired) if number == 0 => answer("403 Forbidden", &[], b"expired"),
        _ if request.place() == "/media/live" => {
            vec![Step::Send(head("200 OK", &[("icy-name", "FIP")])), Step::Send(flac(9000))]
        }
        _ => answer("200 OK", &[("Content-Type", "application/octet-stream")], &flac(5000)),
    }
}
