//! Links to Telegram messages: what hangs on them is played for whoever may read it, and for nobody else.

use std::time::Duration;

use simulator::music::{self, Track};
use simulator::world::{ADA, Audio, BORIS, BOT, CLARA, Place, PlaceKind, jam, news};

use super::super::bad_input::hears;
use super::super::world::{Running, World};
use super::answered;

/// A public channel that neither the bot nor its assistants are in.
const RECORDS: i64 = -1_000_000_001_701;
/// A channel of members: Ada, who made it, and the bot.
const CELLAR: i64 = -1_000_000_001_702;
/// A channel of members that the bot is not in.
const ATTIC: i64 = -1_000_000_001_703;

fn channel(id: i64, username: Option<&str>, admins: Vec<i64>) -> Place {
    Place {
        id,
        kind: PlaceKind::Channel,
        title: format!("Channel {id}"),
        username: username.map(str::to_owned),
        creator: ADA,
        admins,
        anonymous: Vec::new(),
        members: Vec::new(),
        voice_chat: false,
        linked: None,
    }
}

async fn started() -> Running {
    let world = World::new().settings("chat.linger_s = 1").population(|all| {
        all.places.push(channel(RECORDS, Some("box_records"), Vec::new()));
        all.places.push(channel(CELLAR, None, vec![BOT]));
        all.places.push(channel(ATTIC, None, Vec::new()));
    });
    world.start().await
}

/// Ada sends music there; the number of the message.
fn posted(running: &Running, chat: i64) -> i32 {
    let file = music::files().iter().find(|file| file.track == Track::Harbour);
    let file = file.expect("it is there");
    let audio = Audio {
        bytes: file.bytes.to_vec(),
        file_name: "a.mp3".to_owned(),
        mime: file.mime.to_owned(),
        title: Some("A Record".to_owned()),
        performer: None,
        duration: file.track.duration(),
    };
    running.world().send_audio(ADA, chat, audio).expect("she may")
}

/// What the bot says to `user`'s wish.
async fn told(running: &Running, user: i64, link: &str) -> String {
    answered(running, running.say(user, &format!("/play {link}"))).await
}

async fn is_heard(running: &Running, user: i64, link: &str) {
    let listener = running.listener().await;
    let said = told(running, user, link).await;
    assert!(said.contains("A Record"), "{link}: {said}");
    let (_, report) = hears(&listener, Track::Harbour, Duration::from_secs(2)).await;
    assert!(report.correlation_median > 0.95, "{link}: {report:?}");
    running.say(ADA, "/stop");
    running.until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_on_a_message_of_a_public_channel_is_heard() {
    let running = started().await;
    let message = posted(&running, RECORDS);
    // the bot is not in there and may not look; an assistant may, as everybody may
    is_heard(&running, BORIS, &format!("https://t.me/box_records/{message}?single")).await;
    is_heard(&running, BORIS, &format!("tg://resolve?domain=box_records&post={message}")).await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_on_a_message_of_members_is_heard_for_members_alone() {
    let running = started().await;
    let message = posted(&running, CELLAR);
    let link = format!("https://t.me/c/1702/{message}");
    is_heard(&running, ADA, &link).await;
    // Boris is not in there, and the bot does not tell him what is
    let said = told(&running, BORIS, &link).await;
    assert!(said.contains("cannot read that message for you"), "{said}");
    // of an anonymous administrator nobody knows
    let said = told(&running, CLARA, &link).await;
    assert!(said.contains("cannot read that message for you"), "{said}");
    // where the bot is not, it cannot look for anybody
    let message = posted(&running, ATTIC);
    let said = told(&running, ADA, &format!("https://t.me/c/1703/{message}")).await;
    assert!(said.contains("cannot read that message for you"), "{said}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_into_the_own_group_and_to_a_comment_is_heard() {
    let running = started().await;
    let message = posted(&running, jam());
    is_heard(&running, BORIS, &format!("t.me/jam_session_box/{message}")).await;
    is_heard(&running, CLARA, &format!("https://t.me/c/1500/{message}")).await;
    // the channel's discussion is the group
    let post = running.world().say(ADA, news(), "What do you think?").expect("she may");
    is_heard(&running, BORIS, &format!("https://t.me/jam_news_box/{post}?comment={message}")).await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_nothing_that_sounds_is_refused_in_words() {
    let running = started().await;
    let words = running.world().say(ADA, RECORDS, "Words").expect("she may");
    for (link, expected) in [
        (format!("https://t.me/box_records/{words}"), "does not lead to audio"),
        (format!("https://t.me/box_records/{}", words + 100), "found nothing"),
        ("https://t.me/nobody_here/5".to_owned(), "found nothing"),
        ("https://t.me/boris_member/5".to_owned(), "cannot read that message for you"),
        ("https://t.me/c/99999/5".to_owned(), "cannot read that message for you"),
    ] {
        let said = told(&running, ADA, &link).await;
        assert!(said.contains(expected), "{link}: {said}");
    }
    running.end().await;
}
