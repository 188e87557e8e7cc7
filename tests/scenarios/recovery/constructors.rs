//! Constructors that this build does not know, wherever they come.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use simulator::dc::{Envelope, Target};
use simulator::world::{ADA, BOT, CHANNEL_FULL_OF_LAYER_200 as UNKNOWN, jam};

use super::{
    all_answered, answered, answers, ask, chats, hasty, key_of, lives, ms, obeyed_once,
    one_connection_each,
};
use crate::figures;
use crate::world::{PATIENCE, Running};

const GET_FULL_CHANNEL: u32 = 0x0873_6a09;
const CHANNEL_FULL: u32 = 0xa04e_8d3a;

fn bot_connections(running: &Running) -> u64 {
    running.telegram().dc().stats().keys[&key_of(running, BOT)].connections_opened
}

#[tokio::test(flavor = "multi_thread")]
async fn something_unknown_in_a_push_costs_nothing_else() {
    let running = hasty().start().await;
    let (mut asked, _) = all_answered(&running, "before").await;
    let opened = bot_connections(&running);
    for id in [UNKNOWN, 0xdead_beef, 0x0000_0001] {
        for envelope in [Envelope::Plain, Envelope::Container, Envelope::Gzip] {
            let body = [id.to_le_bytes(), [1, 2, 3, 4]].concat();
            assert_eq!(
                running.telegram().dc().faults().push_raw(Target::User(BOT), body, envelope),
                1
            );
            asked.extend(all_answered(&running, "with it").await.0);
        }
    }
    assert_eq!(bot_connections(&running), opened, "the connection lived on");
    obeyed_once(&running, &asked).await;
    one_connection_each(&running);
    running.end().await;
}

/// A known update beside an unknown one in the same container of updates: the push is lost as a whole, and the
/// difference brings it at once, also a channel's.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_in_an_unreadable_push_is_fetched_at_once() {
    let running = hasty().start().await;
    let (mut asked, usual) = all_answered(&running, "before").await;
    running.world().garble("hidden", false);
    let (hidden, took) = all_answered(&running, "hidden").await;
    asked.extend(hidden);
    obeyed_once(&running, &asked).await;
    one_connection_each(&running);
    running.end().await;
    assert!(took < usual + Duration::from_secs(5), "{took:?}");
    figures::record(
        "9",
        "0x52d6806b inside pushed updates (private, group, supergroup)",
        &format!("fetched and answered after {}, lost 0", ms(took)),
        "5 s, lost 0",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_with_something_unknown_is_read_around_it() {
    let running = hasty().start().await;
    let (mut asked, _) = all_answered(&running, "before").await;
    running.world().garble("poison", true);
    let life = lives(&running, "root/bot");
    let since = Instant::now();
    running.world().lose_pushes(BOT, 15);
    let mut poison = Vec::new();
    for words in ["first", "second", "poison", "third", "fourth"] {
        for chat in chats() {
            let one = ask(&running, chat, words);
            if words == "poison" { poison.push(one) } else { asked.push(one) }
        }
    }
    let (last, _) = all_answered(&running, "last").await;
    for one in &asked {
        answered(&running, *one).await;
    }
    let took = since.elapsed();
    asked.extend(last);
    obeyed_once(&running, &asked).await;
    assert!(poison.iter().all(|one| answers(&running, *one) == 0), "nobody can read these");
    assert_eq!(lives(&running, "root/bot"), life, "the bot itself did not notice");
    one_connection_each(&running);
    assert!(took < Duration::from_secs(10), "{took:?}");
    for asked in ["updates.getDifference", "updates.getChannelDifference"] {
        keeps(&running, "bot", asked).await;
    }
    running.end().await;
    figures::record(
        "9",
        "0x52d6806b inside getDifference and getChannelDifference",
        &format!("12 of 12 readable commands obeyed after {}, 3 unreadable stepped over", ms(took)),
        "10 s",
    );
}

/// Waits until the account has put away what it could not read of an answer to this question, for its owner only.
async fn keeps(running: &Running, account: &str, asked: &str) {
    let folder = running.inside.folder.path().join("state/quarantine");
    let is_kept = || {
        std::fs::read_dir(&folder).into_iter().flatten().flatten().any(|file| {
            let is_own = file.file_name().to_string_lossy().starts_with(account);
            let bytes = std::fs::read(file.path()).unwrap_or_default();
            let head = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let head: serde_json::Value = serde_json::from_slice(head).unwrap_or_default();
            if !is_own || head["asked"] != asked {
                return false;
            }
            let mode = file.metadata().expect("it is there").permissions().mode();
            mode & 0o777 == 0o600 && head["constructor"] == "0x52d6806b" && head["layer"] == 230
        })
    };
    running.until(&format!("{account} keeps what it could not read of {asked}"), is_kept).await;
}

/// The account's users themselves cannot be read any more: no slice of any size helps.
#[tokio::test(flavor = "multi_thread")]
async fn a_difference_that_stays_unreadable_is_given_up_in_time() {
    const GET_DIFFERENCE: u32 = 0x19c2_f763;
    let running = hasty().start().await;
    let (asked, _) = all_answered(&running, "before").await;
    let since = Instant::now();
    running.world().answer_with(Some(BOT), GET_DIFFERENCE, 10_000, UNKNOWN.to_le_bytes().to_vec());
    // what is asked in the very moment, in private and in the basic group, is counted in and pushed afterwards
    running.world().state_ahead(BOT, 2);
    running.telegram().dc().faults().disconnect(Target::User(BOT));
    running
        .until("the gap is given up", || {
            running.telegram().dc().stats().requests.get("updates.getState").is_some_and(|n| *n > 3)
        })
        .await;
    let took = since.elapsed();
    let (after, _) = all_answered(&running, "after").await;
    running.world().relent();
    obeyed_once(&running, &[asked, after].concat()).await;
    one_connection_each(&running);
    running.end().await;
    assert!(took < Duration::from_secs(10), "{took:?}");
    figures::record(
        "9",
        "every getDifference is unreadable",
        &format!("given up and live again after {}", ms(took)),
        "10 s",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_full_channel_does_not_keep_the_assistant_out() {
    let running = hasty().start().await;
    let listener = running.listener().await;
    running.world().disguise(GET_FULL_CHANNEL, CHANNEL_FULL, UNKNOWN);
    let since = Instant::now();
    running.say(ADA, "/play northbound");
    assert!(listener.wait_for_packets(50, PATIENCE).await, "it plays");
    let took = since.elapsed();
    keeps(&running, "assistant-1", "channels.getFullChannel").await;
    let texts = running.texts();
    assert!(!texts.iter().any(|text| text.contains('⚠')), "{texts:#?}");
    let calls = running.telegram().calls().call_of(jam());
    assert!(calls.is_some());
    one_connection_each(&running);
    running.end().await;
    figures::record(
        "9",
        "channelFull#52d6806b in the answer to channels.getFullChannel",
        &format!("the call was found in its bytes, music after {}", ms(took)),
        "music plays",
    );
}

/// Ten thousand a second for ten seconds, and people go on talking.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_unknown_constructors_drowns_nothing() {
    const TICK: Duration = Duration::from_millis(50);
    const TICKS: u32 = 200;
    const BATCH: u32 = 500;
    let running = hasty().dc(|dc| dc.outbox_max = 100_000).start().await;
    let (mut asked, _) = all_answered(&running, "before").await;
    let opened = bot_connections(&running);
    let differences = || {
        let stats = running.telegram().dc().stats();
        stats.requests.get("updates.getDifference").copied().unwrap_or(0)
    };
    let (before, since) = (differences(), Instant::now());
    let mut ticks = tokio::time::interval(TICK);
    for tick in 0..TICKS {
        ticks.tick().await;
        for n in 0..BATCH {
            let envelope = [Envelope::Plain, Envelope::Container, Envelope::Gzip][n as usize % 3];
            let body = [UNKNOWN.to_le_bytes(), n.to_le_bytes()].concat();
            running.telegram().dc().faults().push_raw(Target::User(BOT), body, envelope);
        }
        if tick % 20 == 0 {
            asked.extend(chats().map(|chat| ask(&running, chat, &format!("tick {tick}"))));
        }
    }
    let sent_in = since.elapsed();
    for one in &asked {
        answered(&running, *one).await;
    }
    let took = since.elapsed() - sent_in;
    assert_eq!(bot_connections(&running), opened, "the connection lived on");
    let asked_for = differences() - before;
    assert!(asked_for <= 60, "{asked_for} differences asked for in {sent_in:?}");
    obeyed_once(&running, &asked).await;
    one_connection_each(&running);
    running.end().await;
    figures::record(
        "9",
        "a storm of 100,000 unknown constructors (plain, in containers, gzipped)",
        &format!(
            "sent in {:.1} s; {} of {} commands obeyed once, the last {} after its end; {asked_for} differences, the \
             same connection",
            sent_in.as_secs_f32(),
            asked.len(),
            asked.len(),
            ms(took)
        ),
        "lost 0, connection alive",
    );
}
