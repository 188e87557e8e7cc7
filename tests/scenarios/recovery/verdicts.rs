//! Verdicts: what Telegram says about a login is final, and asking again makes it worse.

use std::time::{Duration, Instant};

use simulator::dc::{Rule, Target};
use simulator::world::{ADA, ASSISTANT, BOT, Refusal, jam, kitchen};

use super::{all_answered, answered, answers, ask, hasty, key_of, ms, one_connection_each};
use crate::figures;
use crate::world::{PATIENCE, Running};

const SEND_MESSAGE: u32 = 0xfef4_8f62;

/// Long enough for a supervisor that would try again after a second, and after two.
const QUIET: Duration = Duration::from_secs(4);

async fn parked(running: &Running, path: &str) {
    running
        .until(&format!("{path} is parked"), || {
            let tree = running.inside.tree.root();
            tree.snapshot().find(path).is_some_and(|child| child.state == supervisor::State::Parked)
        })
        .await;
}

fn requests_of(running: &Running, user: i64) -> (u64, u64) {
    let stats = running.telegram().dc().stats();
    let of_key = &stats.keys[&key_of(running, user)];
    (of_key.requests, of_key.connections_opened)
}

/// One assistant is refused; the other one plays instead.
async fn moves_over(row: &str, name: &str, code: i32) {
    let running = hasty().start().await;
    let listener = running.listener().await;
    running.world().lock_account(ASSISTANT, Some(Refusal::new(code, name)));
    let since = Instant::now();
    running.say(ADA, "/play northbound");
    parked(&running, "root/assistants/1").await;
    let verdict = requests_of(&running, ASSISTANT);
    // whoever asked is told, or is served by the other one; people ask again
    let is_playing = async {
        while !listener.wait_for_packets(50, Duration::from_secs(2)).await {
            running.say(ADA, "/play northbound");
        }
    };
    assert!(tokio::time::timeout(PATIENCE, is_playing).await.is_ok(), "{:#?}", running.texts());
    let took = since.elapsed();
    tokio::time::sleep(QUIET).await;
    assert_eq!(requests_of(&running, ASSISTANT), verdict, "it was asked again after {name}");
    one_connection_each(&running);
    running.end().await;
    figures::record(
        row,
        &format!("{code} {name}"),
        &format!(
            "parked, 0 requests after the verdict; the other assistant plays after {}",
            ms(took)
        ),
        "0 requests, other assistant within 10 s",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assistant_whose_key_is_unregistered_is_never_asked_again() {
    moves_over("6", "AUTH_KEY_UNREGISTERED", 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assistant_whose_session_was_revoked_is_never_asked_again() {
    moves_over("6", "SESSION_REVOKED", 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assistant_that_was_banned_is_never_asked_again() {
    moves_over("6", "USER_DEACTIVATED_BAN", 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assistant_whose_key_is_used_twice_is_never_asked_again() {
    moves_over("7", "AUTH_KEY_DUPLICATED", 406).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_server_forgot_is_proven_gone_and_kept() {
    let running = hasty().start().await;
    all_answered(&running, "before").await;
    let since = Instant::now();
    let key = key_of(&running, ASSISTANT);
    running.telegram().dc().drop_key(key);
    running.telegram().dc().faults().reset(Target::All);
    parked(&running, "root/assistants/1").await;
    let took = since.elapsed();
    let opened = running.telegram().dc().stats().connections_opened;
    tokio::time::sleep(QUIET).await;
    assert_eq!(running.telegram().dc().stats().connections_opened, opened, "it dials no more");
    one_connection_each(&running);
    let state = running.inside.folder.path().join("state");
    let read = |name: &str| {
        let text = std::fs::read_to_string(state.join(name)).expect("it is there");
        let saved: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        saved["datacenters"].clone()
    };
    let own = read("assistant-1.session.json");
    assert!(own.to_string().contains("\"key\":\""), "the key is kept");
    assert_eq!(read("assistant-1.session.json.refused"), own);
    // the others go on
    let asked = ask(&running, jam(), "after");
    answered(&running, asked).await;
    running.end().await;
    figures::record(
        "6",
        "-404: the server does not know the key",
        &format!(
            "proven by two dials and parked after {}, key kept and copied, 0 new keys",
            ms(took)
        ),
        "never a new key",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_wait_is_kept_to_the_second_by_every_chat() {
    let running = hasty().start().await;
    all_answered(&running, "before").await;
    running
        .telegram()
        .dc()
        .faults()
        .arrange(Rule::error(SEND_MESSAGE, 420, "FLOOD_WAIT_5").of_user(BOT));
    let since = Instant::now();
    // the first is refused; the others' answers would be early retries of the same method
    let first = ask(&running, kitchen(), "first");
    running
        .until("the refusal is out", || {
            running.telegram().dc().stats().errors.contains_key("FLOOD_WAIT_5")
        })
        .await;
    let others = [ask(&running, jam(), "second"), ask(&running, BOT, "third")];
    for one in [first, others[0], others[1]] {
        answered(&running, one).await;
        assert!(since.elapsed() >= Duration::from_secs(5), "answered after {:?}", since.elapsed());
        assert_eq!(answers(&running, one), 1);
    }
    let took = since.elapsed();
    let early = running.telegram().dc().stats().early_retries;
    running.end().await;
    assert!(early.is_empty(), "{early:?}");
    figures::record(
        "8",
        "FLOOD_WAIT_5 on messages.sendMessage, three chats waiting",
        &format!("early retries 0, all said after {}", ms(took)),
        "early retries 0",
    );
}
