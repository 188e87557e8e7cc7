//! Titles that try to be something else.

use std::time::Duration;

use simulator::music::Track;
use simulator::world::{ADA, Shown, Upload, UploadKind, jam};

use super::super::world::{PATIENCE, Running, World};
use super::{answer, asked, bytes_of, folder, sound, started_with, stopped};

/// As Telegram shows text in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The second line is the title, in bold and nothing else; two bold places in all, no links.
fn shows(panel: &Shown, title: &str) {
    assert_eq!(panel.text.lines().nth(1), Some(title), "{panel:?}");
    let line = format!("<b>{}</b>", escaped(title));
    assert_eq!(panel.html.lines().nth(1), Some(line.as_str()), "{panel:?}");
    assert_eq!(panel.html.matches("<b>").count(), 2, "{panel:?}");
    assert!(!panel.html.contains("<a "), "{panel:?}");
}

/// Everywhere a title is said, it is said as it is, and the bot goes on.
async fn is_said_everywhere(running: Running, request: i32, title: &str) {
    let panel = answer(&running, request).await;
    shows(&panel, title);
    let queue = asked(&running, "/queue").await;
    assert!(queue.text.starts_with(&format!("▶️ {title} · ")), "{queue:?}");
    assert!(queue.html.starts_with(&format!("▶️ <b>{}</b> · ", escaped(title))), "{queue:?}");
    running.say(ADA, "/skip");
    let skipped = running.sees("skipped").await;
    assert_eq!(skipped.text, format!("⏭ Ada skipped {title}."));
    assert_eq!(skipped.html, format!("⏭ Ada skipped <b>{}</b>.", escaped(title)));
    let is_closed = |shown: &Shown| shown.id == panel.id && shown.text.contains("Skipped");
    running.world().wait_for_message(jam(), PATIENCE, is_closed).await.expect("the panel closes");
    let pong = asked(&running, "/ping").await;
    assert!(pong.text.contains("Here."), "{pong:?}");
    stopped(running).await;
}

async fn tag_is_said_everywhere(tag: &str, title: &str) {
    let folder = folder(&[("odd.mp3", &sound::titled(bytes_of(Track::Harbour), tag))]);
    let running = started_with(folder.path()).await;
    let request = running.say(ADA, "/play odd");
    is_said_everywhere(running, request, title).await;
}

async fn name_is_said_everywhere(name: &str, title: &str) {
    // of a WebM file only the name is known
    let folder = folder(&[(&format!("{name}.webm"), bytes_of(Track::Orchard))]);
    let running = started_with(folder.path()).await;
    let request = running.say(ADA, "/play odd");
    is_said_everywhere(running, request, title).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn html_in_a_title_is_only_text() {
    let evil = "</b><a href=\"tg://user?id=5001\">Ada</a> & <script>&lt;b&gt; 'x'";
    tag_is_said_everywhere(evil, evil).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_in_a_title_is_only_text() {
    let evil = "tg://user?id=abc [x](tg://user?id=abc) <a href='tg://user?id=abc'>y";
    tag_is_said_everywhere(evil, evil).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn emoji_in_a_title_are_shown_whole() {
    let title = "🎵 👨‍👩‍👧‍👦 🏳️‍🌈 𝄞 Ünïcødé עברית";
    tag_is_said_everywhere(title, title).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_of_4_000_characters_is_cut() {
    let title = "<🎵ы".repeat(1_334);
    assert!(title.chars().count() > 4_000);
    let cut = format!("{}…", title.chars().take(119).collect::<String>());
    tag_is_said_everywhere(&title, &cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_that_turns_or_hides_what_follows_is_cleaned() {
    tag_is_said_everywhere("\u{202E}\u{200B}a\u{1}b\n\n  c\u{2066}", "ab c").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn html_in_a_file_name_is_only_text() {
    name_is_said_everywhere("odd <b>\"one\"<i> & 'two' &amp;", "odd <b>\"one\"<i> & 'two' &amp;")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn emoji_in_a_file_name_are_shown_whole() {
    name_is_said_everywhere("odd 🎵👨‍👩‍👧‍👦", "odd 🎵👨‍👩‍👧‍👦").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_name_as_long_as_can_be_is_cut() {
    let name = format!("odd {}", "x".repeat(240));
    let cut = format!("{}…", name.chars().take(119).collect::<String>());
    name_is_said_everywhere(&name, &cut).await;
}

/// Telegram's own fields are as much a stranger's as any tag.
async fn sent_title_is_said_everywhere(title: &str, shown: &str) {
    let running = World::new().start().await;
    let kind = UploadKind::Music {
        title: Some(title.to_owned()),
        performer: None,
        duration: Duration::from_secs(18),
    };
    let upload = Upload {
        bytes: bytes_of(Track::Harbour).to_vec(),
        file_name: Some("<b>.mp3".to_owned()),
        mime: "audio/mpeg".to_owned(),
        kind,
        caption: "/play".to_owned(),
    };
    let request = running.world().send_file(ADA, jam(), upload).expect("members may send files");
    is_said_everywhere(running, request, shown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn html_in_the_title_of_a_sent_file_is_only_text() {
    let evil = "<a href=\"tg://user?id=abc\">Ada</a></b></a>&";
    sent_title_is_said_everywhere(evil, evil).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_of_4_000_characters_of_a_sent_file_is_cut() {
    let title = "&".repeat(4_000);
    sent_title_is_said_everywhere(&title, &format!("{}…", "&".repeat(119))).await;
}
