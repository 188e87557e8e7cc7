//! Tests — a minimal client of our own against the data centre. Telethon, Kurigram and grammers check it from outside.

mod client;
mod crypto;
mod exchange;
mod faults;
mod pushes;
mod referee;
mod sessions;
mod transports;

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use self::client::{Client, Wire};
use super::tl::{Put, constructor};
use super::{Answer, Caller, Dc, Service, Settings};

/// `help.getNearestDc`: the echo answers with the request itself.
const ECHO: u32 = 0x1fb3_3026;
/// `help.getConfig`: answered with a text of 4000 bytes.
const LARGE: u32 = 0xc4f9_186b;
/// `help.getInviteText`: never answered by the service.
const SILENT: u32 = 0x4d39_2343;
/// `help.getSupport`: answered after the test lets it.
const SLOW: u32 = 0x9cdf_08cd;

/// `help.getAppUpdate`: the service breaks.
const BROKEN: u32 = 0x522d_5a7d;

/// Answers and remembers.
#[derive(Default)]
struct Echo {
    calls: Mutex<Vec<(Caller, Vec<u8>)>>,
    presence: Mutex<Vec<(bool, i64)>>,
    gate: Mutex<Option<mpsc::Receiver<()>>>,
}

impl Echo {
    fn calls(&self) -> Vec<(Caller, Vec<u8>)> {
        self.calls.lock().unwrap().clone()
    }

    fn presence(&self) -> Vec<(bool, i64)> {
        self.presence.lock().unwrap().clone()
    }
}

impl Service for Echo {
    fn call(&self, caller: Caller, request: Vec<u8>) -> BoxFuture<'static, Answer> {
        self.calls.lock().unwrap().push((caller, request.clone()));
        match constructor(&request) {
            ECHO => Box::pin(async { Answer::Result(request) }),
            LARGE => Box::pin(async { Answer::Result(large()) }),
            SILENT => Box::pin(async { Answer::Never }),
            SLOW => {
                let gate = self.gate.lock().unwrap().take();
                Box::pin(async move {
                    if let Some(mut gate) = gate {
                        gate.recv().await;
                    }
                    Answer::Result(request)
                })
            }
            BROKEN => panic!("broken, as this test has it"),
            id => Box::pin(async move { Answer::unknown_method(id) }),
        }
    }

    fn connected(&self, caller: &Caller) {
        self.presence.lock().unwrap().push((true, caller.session));
    }

    fn disconnected(&self, caller: &Caller) {
        self.presence.lock().unwrap().push((false, caller.session));
    }
}

fn large() -> Vec<u8> {
    Vec::new().put_bytes(&[b'x'; 4000])
}

fn echo(text: &str) -> Vec<u8> {
    Vec::new().put_id(ECHO).put_bytes(text.as_bytes())
}

fn id(id: u32) -> Vec<u8> {
    Vec::new().put_id(id)
}

async fn start() -> (Dc, Arc<Echo>) {
    start_with(Settings::loopback()).await
}

async fn start_with(settings: Settings) -> (Dc, Arc<Echo>) {
    let echo = Arc::new(Echo::default());
    let dc = Dc::start(settings, echo.clone()).await.unwrap();
    (dc, echo)
}

/// A client with a key of its own that speaks for the user.
async fn user(dc: &Dc, user: i64) -> Client {
    let key = dc.register_key();
    dc.bind_user(Dc::key_id(&key), user);
    let mut client = Client::connect(dc, Wire::Intermediate).await.with_key(key);
    client.call(&echo("hello")).await.unwrap();
    client
}

/// Waits until the condition holds.
async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..2000 {
        if condition() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("not within twenty seconds: {what}");
}
