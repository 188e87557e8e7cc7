//! Recovery: whatever happens between the bot and Telegram, the connection comes back, what was said meanwhile is heard,
//! and every command is obeyed once.

mod connections;
mod constructors;
mod log;
mod one_login;
mod outage;
mod verdicts;

use std::time::{Duration, Instant};

use simulator::dc::{Dc, KeyId, Target};
use simulator::world::{ADA, BOT, jam, kitchen};

use crate::world::{PATIENCE, Running, World};

/// One chat of each sequence that updates are numbered in: the account's own (a private chat, a basic group), and a
/// channel's (a supergroup).
fn chats() -> [i64; 3] {
    [BOT, kitchen(), jam()]
}

/// Accounts whose connection failed connect again after a second instead of five.
fn hasty() -> World {
    World::new().settings("telegram.retry_first_s = 1")
}

/// A command that the bot answers at once, with a reply to it.
#[derive(Clone, Copy)]
struct Asked {
    chat: i64,
    id: i32,
}

fn ask(running: &Running, chat: i64, words: &str) -> Asked {
    let id = running.world().say(ADA, chat, &format!("/ping {words}"));
    Asked { chat, id: id.expect("Ada may write there") }
}

fn answers(running: &Running, asked: Asked) -> usize {
    let shown = running.world().messages_of(ADA, asked.chat);
    let replies = shown.iter().filter(|one| one.reply_to == Some(asked.id));
    replies.filter(|one| one.text.contains("Here. Up")).count()
}

async fn answered(running: &Running, asked: Asked) {
    running
        .until(&format!("the command in {} is answered", asked.chat), || {
            answers(running, asked) > 0
        })
        .await;
}

/// Asks in all chats and waits for all answers; how long they took.
async fn all_answered(running: &Running, words: &str) -> (Vec<Asked>, Duration) {
    let since = Instant::now();
    let asked: Vec<Asked> = chats().into_iter().map(|chat| ask(running, chat, words)).collect();
    for one in &asked {
        answered(running, *one).await;
    }
    (asked, since.elapsed())
}

/// Makes the bot read everything once more by the differences, so that what is told twice has been told twice by the
/// end; then every command must have been obeyed exactly once.
async fn obeyed_once(running: &Running, asked: &[Asked]) {
    running.telegram().dc().faults().disconnect(Target::User(BOT));
    let (after, _) = all_answered(running, "after").await;
    for one in asked.iter().chain(&after) {
        assert_eq!(answers(running, *one), 1, "in {}", one.chat);
    }
}

fn key_of(running: &Running, user: i64) -> KeyId {
    Dc::key_id(&running.telegram().account_session(user))
}

/// No login was ever connected twice, and nobody made a new key.
fn one_connection_each(running: &Running) {
    let stats = running.telegram().dc().stats();
    assert_eq!(stats.handshakes, 0, "somebody made a new key");
    for (key, of_key) in &stats.keys {
        assert!(of_key.live_peak <= 1, "{key:?} was connected twice: {of_key:?}");
    }
}

fn ms(took: Duration) -> String {
    format!("{} ms", took.as_millis())
}

/// How many lives a child has had.
fn lives(running: &Running, path: &str) -> u64 {
    let child = running.inside.tree.root().snapshot().find(path).map(|child| child.incarnation);
    child.unwrap_or_else(|| panic!("there is no {path}"))
}

async fn is_ready_again(running: &Running, path: &str) -> Duration {
    let since = Instant::now();
    let tree = running.inside.tree.root();
    running
        .until(&format!("{path} is ready"), || {
            tree.snapshot().find(path).is_some_and(|child| child.state == supervisor::State::Ready)
        })
        .await;
    assert!(since.elapsed() < PATIENCE);
    since.elapsed()
}
