//! Answers that are JSON and wrong: every value in turn is missing, null, of another kind or absurd.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::Fault;
use futures_util::future::{BoxFuture, join_all};
use serde_json::{Value, json};

use super::play::check;
use crate::api::{Api, Settings};
use crate::server::{self, Request, Server, Step, answer};
use crate::service::Service;
use crate::stand_ins::{ALL, Scene, StandIn};

/// What a value is replaced by; each value gets one of these, and then is missing.
fn lie(turn: usize) -> Option<Value> {
    let lies =
        [json!(null), json!({}), json!(-1), json!("SECRET \u{202e}?"), json!([[], {}, null])];
    let number = turn / 2;
    turn.is_multiple_of(2).then(|| lies[number % lies.len()].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_however_wrong_breaks_a_service() {
    join_all(ALL.iter().map(lied_to)).await;
}

async fn lied_to(stand_in: &'static StandIn) {
    server::install_crypto();
    let (turn, n_values) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (current, largest) = (Arc::clone(&turn), Arc::clone(&n_values));
    let server = Server::start(move |request, number| {
        let (wrong, n_values) = wrong(stand_in, request, number, current.load(Ordering::Relaxed));
        largest.fetch_max(n_values, Ordering::Relaxed);
        wrong
    })
    .await;
    let api = Api::new(server::http(&["127.0.0.1"]), Settings::STANDARD);
    let service = (stand_in.build)(&server.url(""), &api).unwrap();
    for question in questions(&*service) {
        turn.store(0, Ordering::Relaxed);
        n_values.store(1, Ordering::Relaxed);
        // until every value of the largest answer was wrong
        while turn.load(Ordering::Relaxed) < n_values.load(Ordering::Relaxed) * 2 {
            if let Some(fault) = question(&*service, stand_in).await {
                check(service.name(), &fault);
            }
            turn.fetch_add(1, Ordering::Relaxed);
        }
    }
}

type Question = for<'a> fn(&'a dyn Service, &'static StandIn) -> BoxFuture<'a, Option<Fault>>;

fn questions(service: &dyn Service) -> Vec<Question> {
    let able = service.abilities();
    let all: [(bool, Question); 4] = [
        (!able.open, |it, on| Box::pin(async { it.describe(on.key).await.err() })),
        (able.open, |it, on| Box::pin(async { it.open(on.key).await.err() })),
        (able.search, |it, on| Box::pin(async { it.search(on.words, 5).await.err() })),
        (able.list, |it, on| Box::pin(async { it.list(on.list, None).await.err() })),
    ];
    all.into_iter().filter(|(is_able, _)| *is_able).map(|(_, question)| question).collect()
}

/// The healthy answer with one value replaced, and how many values there were.
fn wrong(stand_in: &StandIn, request: &Request, number: usize, turn: usize) -> (Vec<Step>, usize) {
    let here = format!("http://{}", request.header("host").unwrap());
    let scene = Scene { shape: None, number, media: here.clone(), here };
    let healthy = (stand_in.answer)(&scene, request);
    let body = match healthy.last() {
        Some(Step::Send(body)) => serde_json::from_slice::<Value>(body).ok(),
        _ => None,
    };
    let Some(mut body) = body else {
        return (healthy, 0);
    };
    let mut pointers = Vec::new();
    collect(&body, String::new(), &mut pointers);
    if let Some(pointer) = pointers.get(turn / 2) {
        replace(&mut body, pointer, lie(turn));
    }
    (answer("200 OK", &[], body.to_string().as_bytes()), pointers.len())
}

fn collect(value: &Value, at: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, it)| collect(it, format!("{at}/{name}"), pointers));
        }
        // the rest of a list is more of the same
        Value::Array(items) => items
            .iter()
            .enumerate()
            .take(1)
            .for_each(|(index, it)| collect(it, format!("{at}/{index}"), pointers)),
        _ => {}
    }
    pointers.push(at);
}

fn replace(body: &mut Value, pointer: &str, lie: Option<Value>) {
    match (lie, pointer.rsplit_once('/')) {
        (Some(lie), _) => {
            if let Some(value) = body.pointer_mut(pointer) {
                *value = lie;
            }
        }
        (None, Some((parent, name))) => {
            if let Some(Value::Object(fields)) = body.pointer_mut(parent) {
                fields.remove(name);
            }
        }
        (None, None) => {}
    }
}
