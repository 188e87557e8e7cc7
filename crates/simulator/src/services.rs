//! Outside services in the box: places on loopback that speak the JSON of the services where bots look for music.
//!
//! Each has every take of the demo's tracks that anybody asks for ("Northbound 7" is another one than "Northbound 8", so
//! that nobody can answer it from memory), and each hangs, breaks or answers as it is told to while it runs.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

mod shapes;
mod take;
mod web;

use take::Take;
use web::Request;

/// Whose words it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    Invidious,
    Piped,
    SoundCloud,
    JioSaavn,
    Jamendo,
    Archive,
    /// Knows links alone, and nothing that can be searched for.
    Cobalt,
    /// Stations; it has none.
    Radio,
    /// Nobody's in particular: `/search?q=` and `/open?id=`.
    Gateway,
    Audius,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Answers,
    /// It accepts, listens, and says nothing.
    Hangs,
    /// It breaks every connection.
    Breaks,
}

/// One service; gone when it is dropped.
pub struct Service {
    shape: Shape,
    address: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

struct State {
    mood: Mutex<Mood>,
    n_asked: AtomicUsize,
}

// === impl Shape ===

impl Shape {
    pub const ALL: [Shape; 10] = [
        Shape::Invidious,
        Shape::Piped,
        Shape::SoundCloud,
        Shape::JioSaavn,
        Shape::Jamendo,
        Shape::Archive,
        Shape::Cobalt,
        Shape::Radio,
        Shape::Gateway,
        Shape::Audius,
    ];

    /// As everybody writes it in settings.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Invidious => "invidious",
            Shape::Piped => "piped",
            Shape::SoundCloud => "soundcloud",
            Shape::JioSaavn => "jiosaavn",
            Shape::Jamendo => "jamendo",
            Shape::Archive => "archive",
            Shape::Cobalt => "cobalt",
            Shape::Radio => "radio",
            Shape::Gateway => "gateway",
            Shape::Audius => "audius",
        }
    }

    /// Whether words can be looked for there.
    pub fn is_searched(self) -> bool {
        self != Shape::Cobalt
    }
}

// === impl Service ===

impl Service {
    /// # Errors
    /// When loopback has no free port.
    pub async fn start(shape: Shape, mood: Mood) -> io::Result<Service> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State { mood: Mutex::new(mood), n_asked: AtomicUsize::new(0) });
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&state);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                let state = Arc::clone(&shared);
                connections.spawn(async move {
                    serve(stream, shape, address, &state).await;
                });
            }
        });
        Ok(Service { shape, address, state, _tasks: tasks })
    }

    /// All ten, in the order of [`Shape::ALL`].
    ///
    /// # Errors
    /// When loopback has no free port.
    pub async fn start_all(mood: impl Fn(usize) -> Mood) -> io::Result<Vec<Service>> {
        let mut services = Vec::new();
        for (at, shape) in Shape::ALL.into_iter().enumerate() {
            services.push(Service::start(shape, mood(at)).await?);
        }
        Ok(services)
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn is(&self, mood: Mood) -> bool {
        self.state.mood() == mood
    }

    /// From the next question on.
    pub fn set(&self, mood: Mood) {
        *self.state.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// Connections that came with a question, or to be broken.
    pub fn n_asked(&self) -> usize {
        self.state.n_asked.load(Ordering::SeqCst)
    }
}

// === impl State ===

impl State {
    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One question for each connection.
async fn serve(
    mut stream: TcpStream,
    shape: Shape,
    address: SocketAddr,
    state: &State,
) -> Option<()> {
    if state.mood() == Mood::Breaks {
        state.n_asked.fetch_add(1, Ordering::SeqCst);
        return None;
    }
    let request = web::read(&mut stream).await?;
    state.n_asked.fetch_add(1, Ordering::SeqCst);
    match state.mood() {
        Mood::Hangs => std::future::pending().await,
        Mood::Breaks => None,
        Mood::Answers => {
            let answer = answer(shape, &format!("http://{address}"), &request);
            web::write(&mut stream, &answer).await
        }
    }
}

fn answer(shape: Shape, here: &str, request: &Request) -> web::Answer {
    let media = request.path.strip_prefix("/media/").and_then(Take::of_key);
    match media {
        Some(take) => web::Answer::file(take.file(), request),
        None => match shapes::answer(shape, here, request) {
            Some(shapes::Said::Json(body)) => web::Answer::json(&body),
            Some(shapes::Said::Elsewhere(link)) => web::Answer::redirect(&link),
            None => web::Answer::nothing(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn ask(service: &Service, path: &str) -> String {
        let mut stream = TcpStream::connect(service.host()).await.unwrap();
        let question = format!("GET {path} HTTP/1.1\r\nHost: here\r\nRange: bytes=4-\r\n\r\n");
        stream.write_all(question.as_bytes()).await.unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).await.ok();
        String::from_utf8_lossy(&said).into_owned()
    }

    #[tokio::test]
    async fn every_service_that_is_searched_has_any_take_of_a_track_and_nothing_else() {
        for service in Service::start_all(|_| Mood::Answers).await.unwrap() {
            let path = match service.shape() {
                Shape::Invidious => "/api/v1/search?q=",
                Shape::Piped => "/search?q=",
                Shape::SoundCloud => "/search/tracks?q=",
                Shape::JioSaavn => "/api/search/songs?query=",
                Shape::Jamendo => "/v3.0/tracks/?search=",
                Shape::Archive => "/advancedsearch.php?q=",
                Shape::Gateway => "/search?q=",
                Shape::Audius => "/v1/tracks/search?query=",
                Shape::Cobalt | Shape::Radio => continue,
            };
            let found = ask(&service, &format!("{path}lantern+take%207")).await;
            assert!(found.starts_with("HTTP/1.1 200") && found.contains("Lantern 7"), "{found}");
            let nothing = ask(&service, &format!("{path}something+else")).await;
            assert!(nothing.starts_with("HTTP/1.1 200"), "{nothing}");
            assert!(!nothing.contains("Armed Ensemble"), "{nothing}");
        }
    }

    #[tokio::test]
    async fn a_service_hangs_breaks_and_answers_as_it_is_told_to() {
        let service = Service::start(Shape::Audius, Mood::Answers).await.unwrap();
        let key = Take::of_words("harbour").unwrap().key();
        let media = ask(&service, &format!("/media/{key}")).await;
        assert!(media.starts_with("HTTP/1.1 206"), "{}", &media[..40]);
        service.set(Mood::Breaks);
        assert_eq!(ask(&service, "/v1/tracks/search?query=harbour").await, "");
        service.set(Mood::Hangs);
        let hung = ask(&service, "/v1/tracks/search?query=harbour");
        assert!(tokio::time::timeout(Duration::from_millis(200), hung).await.is_err());
        assert_eq!(service.n_asked(), 3);
    }
}
