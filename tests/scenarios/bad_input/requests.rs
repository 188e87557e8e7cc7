//! Requests that ask for nothing, for the wrong thing, or of somebody else.

use std::time::Duration;

use domain::callback::{Action, Generation, Pressed, Seal};
use domain::{Attempt, ChatId};
use simulator::music::Track;
use simulator::world::{ADA, BORIS, BOT, Shown, Upload, UploadKind, jam, kitchen};

use super::super::world::{PATIENCE, Running, World};
use super::{answer, asked, bytes_of, hears_well, refused, still_works, stopped};

const LONG_ENOUGH: Duration = Duration::from_secs(3);
/// The way out that goes with "nothing was asked for".
const WAY_OUT: &str =
    "Tell me what to play: /play a song, a link, or reply to an audio file with /play.";

fn music(track: Track) -> Upload {
    let file = simulator::music::files()
        .iter()
        .find(|file| file.track == track)
        .expect("every track has a file");
    let kind = UploadKind::Music {
        title: Some(track.title().to_owned()),
        performer: Some(track.artist().to_owned()),
        duration: track.duration(),
    };
    Upload {
        bytes: file.bytes.to_vec(),
        file_name: Some(file.name.to_owned()),
        mime: file.mime.to_owned(),
        kind,
        caption: String::new(),
    }
}

fn document(bytes: &[u8], name: &str, mime: &str) -> Upload {
    Upload {
        bytes: bytes.to_vec(),
        file_name: Some(name.to_owned()),
        mime: mime.to_owned(),
        kind: UploadKind::Document,
        caption: String::new(),
    }
}

fn send(running: &Running, upload: Upload) -> i32 {
    running.world().send_file(BORIS, jam(), upload).expect("members may send files")
}

fn reply(running: &Running, to: i32, text: &str) -> i32 {
    running.world().say_reply(ADA, jam(), to, text).expect("members may reply")
}

/// Boris sends it, Ada replies with /play, Dmitri hears it.
async fn reply_is_heard(upload: Upload, track: Track) -> Shown {
    let running = World::new().start().await;
    let listener = running.listener().await;
    let file = send(&running, upload);
    let panel = answer(&running, reply(&running, file, "/play")).await;
    assert!(panel.text.contains("Now playing"), "{panel:?}");
    hears_well(&listener, track, LONG_ENOUGH).await;
    stopped(running).await;
    panel
}

async fn reply_is_refused(upload: Upload, words: &str) {
    let running = World::new().start().await;
    let file = send(&running, upload);
    let refusal = answer(&running, reply(&running, file, "/play")).await;
    assert!(refusal.text.contains(words), "{refusal:?}");
    still_works(&running).await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn play_without_anything_is_told_how_to_ask() {
    let running = World::new().start().await;
    for request in ["/play", "/play@armed_music_bot  ", "/play ?!", "/p \u{200B}"] {
        let told = asked(&running, request).await;
        assert_eq!(told.text, WAY_OUT, "{request:?}");
    }
    still_works(&running).await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_is_not_found() {
    let running = World::new().start().await;
    refused(&running, "/play no such song anywhere", "found nothing").await;
    // as long as a message may be
    refused(&running, &format!("/play {}", "ы".repeat(4_000)), "found nothing").await;
    refused(&running, "/play <b>&lt; \u{202E}🎵 %s {0} ../../etc/passwd", "found nothing").await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_to_an_audio_message_is_heard() {
    let panel = reply_is_heard(music(Track::Lantern), Track::Lantern).await;
    assert!(panel.text.contains("Armed Ensemble — Lantern\n"), "{panel:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_to_a_voice_message_is_heard() {
    let kind = UploadKind::Voice { duration: Track::Northbound.duration() };
    let voice = Upload { kind, file_name: None, ..music(Track::Northbound) };
    reply_is_heard(voice, Track::Northbound).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_to_music_sent_as_a_file_is_heard() {
    let file = document(bytes_of(Track::Meridian), "07 Some song.flac", "application/octet-stream");
    let panel = reply_is_heard(file, Track::Meridian).await;
    assert!(panel.text.contains("07 Some song\n"), "{panel:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn music_attached_to_the_command_itself_is_heard() {
    let running = World::new().start().await;
    let listener = running.listener().await;
    let request = send(&running, Upload { caption: "/play".to_owned(), ..music(Track::Orchard) });
    let panel = answer(&running, request).await;
    assert!(panel.text.contains("Armed Ensemble — Orchard\n"), "{panel:?}");
    hears_well(&listener, Track::Orchard, LONG_ENOUGH).await;
    stopped(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_to_talk_is_told_how_to_ask() {
    let running = World::new().start().await;
    let talk = running.say(BORIS, "nice weather");
    let told = answer(&running, reply(&running, talk, "/play")).await;
    assert_eq!(told.text, WAY_OUT);
    still_works(&running).await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_to_a_file_that_is_no_music_is_told_how_to_ask() {
    reply_is_refused(document(b"%PDF-1.7", "bill.pdf", "application/pdf"), WAY_OUT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_to_music_without_a_byte_is_refused() {
    reply_is_refused(Upload { bytes: Vec::new(), ..music(Track::Harbour) }, "no sound in it").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_to_a_picture_called_music_is_refused() {
    let picture = b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0";
    reply_is_refused(document(picture, "song.mp3", "audio/mpeg"), "not").await;
}

/// A preview in place of the song: the length that sounds is told, not the one that was promised.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_shorter_than_it_claims_is_shown_as_long_as_it_is() {
    let kind = UploadKind::Music {
        title: Some("Promises".to_owned()),
        performer: None,
        duration: Duration::from_secs(200),
    };
    let panel = reply_is_heard(Upload { kind, ..music(Track::Lantern) }, Track::Lantern).await;
    assert!(panel.text.contains("0:16") && !panel.text.contains("3:20"), "{panel:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_another_bot_are_left_to_it() {
    let running = World::new().start().await;
    for request in ["/play northbound", "/stop", "/ping", "/queue"] {
        let (command, rest) = request.split_once(' ').unwrap_or((request, ""));
        running.say(ADA, &format!("{command}@other_music_bot {rest}"));
    }
    running.say(ADA, "/settings");
    running.say(ADA, "play northbound");
    // whatever it had to say to those, it would have said before this
    asked(&running, "/ping@Armed_Music_Bot").await;
    let of_bot = |shown: &&Shown| shown.from == Some(BOT);
    assert_eq!(running.world().messages(jam()).iter().filter(of_bot).count(), 1);
    running.end().await;
}

/// Ada presses what no button of the message carries.
async fn pressed(running: &Running, message: &Shown, data: &[u8]) -> String {
    let press = running.world().press_unseen(ADA, jam(), message.id, data, PATIENCE);
    press.await.expect("every press is answered").text.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_with_forged_data_does_nothing() {
    let running = World::new().start().await;
    running.say(ADA, "/play northbound");
    let panel = running.sees("Now playing").await;
    let skip = panel.button("⏭").unwrap();
    let stop = panel.button("⏹").unwrap();
    let text = String::from_utf8(skip.clone()).unwrap();
    let (_, tag) = text.rsplit_once(':').unwrap();
    let stop_text = String::from_utf8(stop).unwrap();
    let (stop_body, _) = stop_text.rsplit_once(':').unwrap();
    let mut flipped = skip.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let own_key = Pressed { action: Action::Stop, generation: Generation(0), attempt: Attempt(2) };
    let forgeries = [
        flipped,
        // the hash of one button under the action of another
        format!("{stop_body}:{tag}").into_bytes(),
        // made with a key that anybody has
        Seal::new(&[0; 32]).sign(ChatId(jam()), own_key),
        b"stop".to_vec(),
        Vec::new(),
        b"\xff\xfe\x00".to_vec(),
        vec![b':'; 64],
    ];
    for data in forgeries {
        let told = pressed(&running, &panel, &data).await;
        assert_eq!(told, "This button is not mine.", "{data:?}");
    }
    let queue = asked(&running, "/queue").await;
    assert!(queue.text.starts_with("▶️ Armed Ensemble — Northbound"), "{queue:?}");
    stopped(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_of_one_chat_is_forged_in_another() {
    let running = World::new().start().await;
    running.say(ADA, "/play northbound");
    let panel = running.sees("Now playing").await;
    let stop = panel.button("⏹").unwrap();
    let world = running.world();
    world.say(ADA, kitchen(), "/ping").unwrap();
    let is_pong = |shown: &Shown| shown.from == Some(BOT) && shown.text.contains("Here.");
    let pong = world.wait_for_message(kitchen(), PATIENCE, is_pong).await.expect("an answer");
    let told = world.press_unseen(ADA, kitchen(), pong.id, &stop, PATIENCE).await.unwrap();
    assert_eq!(told.text.as_deref(), Some("This button is not mine."));
    stopped(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_of_an_earlier_track_does_nothing() {
    let running = World::new().start().await;
    let listener = running.listener().await;
    running.say(ADA, "/play northbound");
    let first = running.sees("Now playing").await;
    let (skip, stop) = (first.button("⏭").unwrap(), first.button("⏹").unwrap());
    let queued = asked(&running, "/play lantern").await;
    assert!(queued.text.contains("Number 1"), "{queued:?}");
    let told = running.world().press(ADA, jam(), first.id, &skip, PATIENCE).await;
    assert_eq!(told.expect("it is a button").text.as_deref(), Some("Skipped"));
    let is_second =
        |shown: &Shown| shown.text.contains("Now playing") && shown.text.contains("Lantern");
    let second = running.world().wait_for_message(jam(), PATIENCE, is_second).await.unwrap();
    for data in [&skip, &stop] {
        assert_eq!(
            pressed(&running, &first, data).await,
            "This button belonged to an earlier track."
        );
    }
    hears_well(&listener, Track::Lantern, LONG_ENOUGH).await;
    // another life of the player: what belonged to the one before is stale, too
    let stop = second.button("⏹").unwrap();
    running.say(ADA, "/stop");
    running.until_idle().await;
    let told = pressed(&running, &second, &stop).await;
    assert_eq!(told, "This button belonged to an earlier track.");
    running.say(ADA, "/play harbour");
    let is_third =
        |shown: &Shown| shown.text.contains("Now playing") && shown.text.contains("Harbour");
    let third = running.world().wait_for_message(jam(), PATIENCE, is_third).await;
    assert!(third.is_some(), "{:#?}", running.texts());
    // each life counts its tracks anew: the first one's number is that of the track which sounds now
    for (message, data) in [(&second, &stop), (&first, &skip)] {
        let told = pressed(&running, message, data).await;
        assert_eq!(told, "This button belonged to an earlier track.");
    }
    stopped(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_russian_is_answered_in_russian() {
    let running = World::new().start().await;
    running.world().set_language(BORIS, "ru-RU");
    let told = answer(&running, running.say(BORIS, "/play")).await;
    assert!(told.text.starts_with("Скажи, что включить: /play песня"), "{told:?}");
    let told = answer(&running, running.say(BORIS, "/play нет такой песни")).await;
    assert!(told.text.contains("Ничего не нашлось"), "{told:?}");
    let told = answer(&running, running.say(BORIS, "/play http://127.0.0.1/a.mp3")).await;
    assert!(told.text.contains("частный адрес"), "{told:?}");
    let panel = answer(&running, running.say(BORIS, "/play northbound")).await;
    assert!(panel.text.starts_with("▶️ Сейчас играет"), "{panel:?}");
    let stop = panel.button("⏹").unwrap();
    let told = running.world().press_unseen(BORIS, jam(), panel.id, &stop, PATIENCE).await.unwrap();
    assert!(told.text.as_deref().is_some_and(|text| text.contains("администраторы")), "{told:?}");
    // one's language is one's own
    let told = asked(&running, "/play").await;
    assert_eq!(told.text, WAY_OUT);
    stopped(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_may_speak_russian_to_everybody() {
    let running = World::new().settings("language = \"ru\"").start().await;
    let told = asked(&running, "/play").await;
    assert!(told.text.starts_with("Скажи, что включить"), "{told:?}");
    running.end().await;
}
