//! /stats: operators see the whole tree, members their own player, strangers a polite line.

use std::time::Duration;

use simulator::world::{ADA, BORIS, BOT, CallbackAnswer, EVE, Shown, jam};

use super::process::Setup;
use super::world::{PATIENCE, Running, World, room};

/// Ada owns the bot.
fn owned() -> World {
    World::new().environment("OWNER_ID", ADA)
}

/// What the bot answers in private to what `user` writes there.
pub(crate) async fn privately(running: &Running, user: i64, text: &str) -> Shown {
    let asked = running.world().say(user, BOT, text).expect("people may write to bots");
    let answer = running.world().wait_for(PATIENCE, |world| {
        let shown = world.messages_of(user, BOT).into_iter();
        shown.rev().find(|shown| shown.from == Some(BOT) && shown.id > asked)
    });
    answer.await.expect("the bot answers")
}

/// Presses a button under the bot's private message.
async fn press(running: &Running, user: i64, message: &Shown, sign: &str) -> CallbackAnswer {
    let data = message.button(sign).unwrap_or_else(|| panic!("no {sign} under {message:?}"));
    let pressed = running.world().press(user, BOT, message.id, &data, PATIENCE).await;
    pressed.expect("the bot answers")
}

/// The message once its text is another.
async fn redrawn(running: &Running, user: i64, before: &Shown) -> Shown {
    let answer = running.world().wait_for(PATIENCE, |world| {
        let shown = world.messages_of(user, BOT).into_iter().find(|shown| shown.id == before.id)?;
        (shown.text != before.text).then_some(shown)
    });
    answer.await.expect("the page turns")
}

/// All pages of /stats, turned by their buttons.
pub(crate) async fn all_pages(running: &Running, user: i64) -> Vec<String> {
    let mut shown = privately(running, user, "/stats").await;
    let mut pages = vec![shown.text.clone()];
    while shown.button("▶️").is_some() {
        press(running, user, &shown, "▶️").await;
        shown = redrawn(running, user, &shown).await;
        pages.push(shown.text.clone());
    }
    pages
}

/// The paths of the tree that the pages draw, top to bottom.
pub(crate) fn drawn(pages: &[String]) -> Vec<String> {
    let mut path: Vec<String> = Vec::new();
    let mut paths = Vec::new();
    let lines = pages.iter().flat_map(|page| page.lines()).skip_while(|line| !line.contains('🌳'));
    for line in lines {
        let marks = ['🟢', '🟡', '🟠', '🔴', '⚪'];
        let Some(rest) = line.strip_prefix(marks) else { continue };
        let rest = &rest[1..];
        let depth = (rest.len() - rest.trim_start().len()) / 2;
        path.truncate(depth);
        path.push(rest.split_whitespace().next().expect("everybody has a name").to_owned());
        paths.push(path.join("/"));
    }
    paths
}

fn rooms(n: i64) -> impl Iterator<Item = i64> {
    (0..n).map(|n| -1_000_000_003_000 - n)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_turns_through_the_whole_tree() {
    const N_ROOMS: i64 = 24;
    let running = owned()
        .population(|population| {
            population.places.extend(rooms(N_ROOMS).map(|id| room(id, &[BORIS])));
        })
        // whoever has played stays
        .settings("chat.linger_s = 600")
        .start()
        .await;
    for room in rooms(N_ROOMS) {
        running.world().say(ADA, room, "/play northbound").expect("she may");
    }
    for room in rooms(N_ROOMS) {
        running.sees_in(room, "Now playing").await;
    }
    let stats = running.inside.tree.stats();
    let pages = all_pages(&running, ADA).await;
    assert!(pages.len() > 1, "{pages:#?}");
    assert!(pages.iter().all(|page| page.chars().count() <= 4_096));
    assert!(pages[0].contains("3 of 3 sessions"), "{}", pages[0]);
    assert!(pages[0].contains(&format!("{N_ROOMS} chats")), "{}", pages[0]);
    let paths: Vec<String> = stats.tree.children.into_iter().map(|child| child.path).collect();
    assert_eq!(drawn(&pages), paths);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_the_owner_trusts_sees_as_much() {
    let running = owned().environment("SUDO_USERS", format!("{EVE}, {BORIS}")).start().await;
    for user in [BORIS, EVE] {
        let shown = privately(&running, user, "/stats").await;
        assert!(shown.text.contains("3 of 3 sessions"), "{shown:?}");
    }
    // and may do as much
    running.say(ADA, "/play northbound");
    running.sees("Now playing").await;
    running.say(BORIS, "/stop");
    running.sees("Boris stopped the music").await;
    running.until_idle().await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_sees_the_groups_player_and_nothing_else() {
    let running = owned().start().await;
    running.say(BORIS, "/stats");
    running.sees("Nothing is playing").await;
    let listener = running.listener().await;
    running.say(ADA, "/play northbound");
    running.sees("Now playing").await;
    assert!(listener.wait_for_packets(50, PATIENCE).await, "it plays");
    for user in [BORIS, ADA] {
        let asked = running.say(user, "/stats");
        let found = running.world().wait_for_message(jam(), PATIENCE, |shown| {
            shown.reply_to == Some(asked) && shown.from == Some(BOT)
        });
        let shown = found.await.expect("the bot answers");
        assert!(
            shown.text.contains("Northbound") || shown.text.contains("northbound"),
            "{shown:?}"
        );
        // which of them it is, is this machine's affair
        let is_judged =
            shown.text.contains("The sound is fine") || shown.text.contains("gaps in the sound");
        assert!(is_judged, "{shown:?}");
        assert!(!shown.text.contains("root") && !shown.text.contains('🌳'), "{shown:?}");
        // operators are told where they see more
        assert_eq!(shown.text.contains("in private"), user == ADA, "{shown:?}");
    }
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_told_politely_where_to_ask() {
    let running = owned().start().await;
    let shown = privately(&running, EVE, "/stats").await;
    assert!(shown.text.contains("in a group where I play"), "{shown:?}");
    assert!(shown.buttons.is_empty(), "{shown:?}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_not_offered_is_not_turned_to() {
    let running = owned().start().await;
    let page = privately(&running, ADA, "/stats").await;
    running.say(ADA, "/ping");
    let elsewhere = running.sees("Here").await;
    // sealed for another chat, and made up
    let sealed = page.button("🔄").expect("a page can be looked at again");
    let forged = [
        (jam(), elsewhere.id, sealed),
        (BOT, page.id, b"1:t:0:1:000000000000".to_vec()),
        (BOT, page.id, b"1:t:0:1".to_vec()),
    ];
    for (chat, message, data) in forged {
        let answer = running.world().press_unseen(ADA, chat, message, &data, PATIENCE).await;
        let text = answer.expect("the bot answers").text.unwrap_or_default();
        assert!(text.contains("not mine"), "{text}");
    }
    let unchanged = running.world().messages_of(ADA, BOT);
    assert!(unchanged.iter().any(|shown| shown.id == page.id && shown.text == page.text));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_page_in_the_operators_group_is_not_turned_by_others() {
    let running = owned().environment("LOGGER_ID", jam()).start().await;
    running.say(ADA, "/stats");
    let page = running.sees("3 of 3 sessions").await;
    let data = page.button("🔄").expect("a page can be looked at again");
    let answer = running.world().press(BORIS, jam(), page.id, &data, PATIENCE).await;
    let answer = answer.expect("the bot answers");
    assert!(answer.text.is_some_and(|text| text.contains("Only operators")) && answer.is_alert);
    let answer = running.world().press(ADA, jam(), page.id, &data, PATIENCE).await;
    assert!(!answer.expect("the bot answers").is_alert);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_writes_the_same_numbers_down() {
    let process = Setup::new().start().await;
    process.say(ADA, jam(), "/play northbound");
    process.sees_in(jam(), "Now playing").await;
    process.signal("-USR1");
    process.logs("the numbers are written down").await;
    let text = std::fs::read_to_string(process.state_file("stats.json")).expect("it was written");
    let stats: actors::Stats = serde_json::from_str(&text).expect("it is what /stats is drawn of");
    assert_eq!(stats.totals.sessions_ready, 3);
    assert!(stats.memory_bytes.is_some_and(|bytes| bytes > 1 << 20));
    assert_eq!(stats.chats.iter().map(|chat| chat.chat).collect::<Vec<_>>(), [jam()]);
    assert!(stats.tree.find(&format!("root/chats/{}/player", jam())).is_some());
    process.signal("-TERM");
    let (end, telegram) = process.ends(Duration::from_secs(15)).await;
    assert_eq!(end.status.code(), Some(0), "{}", end.log.join("\n"));
    telegram.stop().await;
}
