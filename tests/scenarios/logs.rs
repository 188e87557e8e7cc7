//! The log: quiet when nothing is wrong, and when something is, at the level that says who has to act.

mod clean;

use std::path::Path;
use std::time::Duration;

use armedmusic::telemetry::troubles::{self, Trouble};
use simulator::dc::Target;
use simulator::music::Track;
use simulator::world::{ADA, ASSISTANT, BOT, Refusal, jam};

use super::origin::{Origin, Step};
use super::process::{Process, Setup};
use super::world::PATIENCE;

const END_MAX: Duration = Duration::from_secs(15);

/// Waits until the trouble is told, at its level and no other.
async fn told(process: &Process, trouble: Trouble) {
    process.logs(trouble.words).await;
    let log = process.log();
    let lines: Vec<&String> = log.iter().filter(|line| line.contains(trouble.words)).collect();
    let level = format!(" {} ", trouble.level);
    assert!(lines.iter().all(|line| line.contains(&level)), "{lines:#?}");
}

async fn end(process: Process) {
    process.signal("-TERM");
    let (end, telegram) = process.ends(END_MAX).await;
    assert_eq!(end.status.code(), Some(0), "{}", end.log.join("\n"));
    telegram.stop().await;
}

/// Nothing but this trouble may be told at WARN or above.
async fn end_with_nothing_above(process: Process, level: &str) {
    process.signal("-TERM");
    let (end, telegram) = process.ends(END_MAX).await;
    let above: Vec<&String> = end.log.iter().filter(|line| line.contains(level)).collect();
    assert!(above.is_empty(), "{above:#?}");
    telegram.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_constructor_is_a_warning() {
    let process = Setup::new().start().await;
    let mut update = 0x52d6_806b_u32.to_le_bytes().to_vec();
    update.extend([0; 8]);
    process.telegram.world().push_raw(BOT, update);
    told(&process, troubles::UNKNOWN_CONSTRUCTOR).await;
    end_with_nothing_above(process, " ERROR ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_a_warning() {
    let process = Setup::new().start().await;
    process.telegram.dc().faults().disconnect(Target::User(ASSISTANT));
    told(&process, troubles::CONNECTION_LOST).await;
    end_with_nothing_above(process, " ERROR ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_wait_is_a_warning() {
    /// messages.sendMessage, core.telegram.org/method/messages.sendMessage
    const SEND_MESSAGE: u32 = 0xfef4_8f62;
    let process = Setup::new().start().await;
    let refusal = Refusal { code: 420, name: "FLOOD_WAIT_6".into() };
    process.telegram.world().refuse(Some(BOT), SEND_MESSAGE, 1, refusal);
    process.say(ADA, jam(), "/ping");
    told(&process, troubles::FLOOD_WAIT).await;
    process.sees_in(jam(), "Here").await;
    end_with_nothing_above(process, " ERROR ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_does_not_answer_is_a_warning() {
    let origin = Origin::start(|_, _| vec![Step::Hang]).await;
    let setup = Setup::new()
        .settings(&format!("sources.allow_hosts = [{:?}]", origin.host()))
        .settings("sources.resolve_max_s = 1");
    let process = setup.start().await;
    process.say(ADA, jam(), &format!("/play {}", origin.url("/never.mp3")));
    told(&process, troubles::SLOW_SOURCE).await;
    end_with_nothing_above(process, " ERROR ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_voice_connection_is_a_warning() {
    let process = Setup::new().start().await;
    process.say(ADA, jam(), "/play northbound");
    process.sees_in(jam(), "Now playing").await;
    process.logs("in the voice chat").await;
    process.telegram.sfu().close_all();
    process.sees_in(jam(), "goes on where it was").await;
    told(&process, troubles::VOICE_LOST).await;
    end_with_nothing_above(process, " ERROR ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_that_will_be_restarted_is_a_warning() {
    let setup = Setup::new();
    let telegram = setup.telegram().await;
    telegram.dc().faults().refuse_connects().await;
    let process = setup.start_in(telegram);
    told(&process, troubles::CRASH).await;
    end_with_nothing_above(process, " ERROR ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_telegram_revoked_is_an_error_that_says_what_to_do() {
    let process = Setup::new().start().await;
    process.telegram.world().revoke_sessions(ASSISTANT);
    // the assistant finds out when it asks for something
    process.say(ADA, jam(), "/play northbound");
    told(&process, troubles::PARKED).await;
    end(process).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_operators_that_is_none_is_an_error_that_says_what_to_do() {
    let setup = Setup::new().environment("LOGGER_ID", "-1009999999999");
    let process = setup.start().await;
    told(&process, troubles::LOGGER_GROUP).await;
    // and the bot works
    process.say(ADA, jam(), "/ping");
    process.sees_in(jam(), "Here").await;
    // there is something to tell that group, and it is not said again that this cannot be done
    process.telegram.world().revoke_sessions(ASSISTANT);
    process.say(ADA, jam(), "/play northbound");
    told(&process, troubles::PARKED).await;
    process.sees_in(jam(), "Now playing").await;
    let about_it = process.log().iter().filter(|line| line.contains("LOGGER_ID")).count();
    assert_eq!(about_it, 1, "{:#?}", process.log());
    end(process).await;
}

/// From the fifth failure in a row on: one line, one message, and it is tried on.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_keeps_failing_is_told_to_the_operators_group_once() {
    let setup = Setup::new()
        .environment("LOGGER_ID", &simulator::world::kitchen().to_string())
        .settings("telegram.retry_first_s = 1\ntelegram.retry_max_s = 1");
    let process = setup.start().await;
    let faults = process.telegram.dc().faults();
    faults.refuse_connects().await;
    faults.reset(Target::User(ASSISTANT));
    told(&process, troubles::KEEPS_FAILING).await;
    let alarm = process.sees_in(simulator::world::kitchen(), "failed 5 times in a row").await;
    assert!(alarm.text.contains("root/assistants/1"), "{alarm:?}");
    let n_tried = || {
        let log = process.log();
        log.iter().filter(|line| line.contains(" restarted path=\"root/assistants/1\"")).count()
    };
    let n_before = n_tried();
    process.until("it is tried on", || n_tried() >= n_before + 3).await;
    let world = process.telegram.world();
    let alarms = world.messages(simulator::world::kitchen());
    assert_eq!(alarms.iter().filter(|shown| shown.text.contains("in a row")).count(), 1);
    let log = process.log();
    let critical: Vec<&String> = log.iter().filter(|line| line.contains(" ERROR ")).collect();
    assert_eq!(critical.len(), 1, "{critical:#?}");
    assert!(critical[0].contains("critical=true"), "{critical:#?}");
    faults.accept_connects().await;
    process.until("it is back", || process.telegram.dc().sessions_of(ASSISTANT).len() == 1).await;
    end(process).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_out_of_step_is_told_from_a_newer_layer() {
    const SAYS: &str = "another number every time: the stream is out of step";
    let process = Setup::new().start().await;
    let push = |constructor: u32| {
        let mut update = constructor.to_le_bytes().to_vec();
        update.extend([0; 8]);
        process.telegram.world().push_raw(BOT, update);
    };
    for _ in 0..40 {
        push(0x52d6_806b);
    }
    told(&process, troubles::UNKNOWN_CONSTRUCTOR).await;
    process.say(ADA, jam(), "/ping");
    process.sees_in(jam(), "Here").await;
    assert!(!process.log().iter().any(|line| line.contains(SAYS)), "{:#?}", process.log());
    for number in 0..40 {
        push(0x7fee_0000 + number);
    }
    process.logs(SAYS).await;
    let about_it = process.log().iter().filter(|line| line.contains(SAYS)).count();
    assert_eq!(about_it, 1, "{:#?}", process.log());
    end_with_nothing_above(process, " ERROR ").await;
}

/// An hour in little: what a track costs in lines is what it costs in an hour, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_clean_session_says_nothing_above_info_and_little_at_info() {
    const N_LINES_OF_ONE_TRACK: usize = 3;
    const N_LINES_OF_A_SESSION: usize = 16;
    let process = Setup::new().settings("chat.linger_s = 1").start().await;
    for track in Track::ALL {
        process.say(ADA, jam(), &format!("/play {}", track.title()));
    }
    for (n, track) in Track::ALL.iter().enumerate() {
        let is_on = |shown: &simulator::world::Shown| {
            shown.text.contains("Now playing")
                && shown.text.to_lowercase().contains(&track.title().to_lowercase())
        };
        let world = process.telegram.world();
        if world.wait_for_message(jam(), PATIENCE, is_on).await.is_none() {
            let texts: Vec<String> =
                world.messages(jam()).into_iter().map(|one| one.text).collect();
            panic!("{track:?} does not play: {texts:#?}\n{}", process.log().join("\n"));
        }
        match n {
            0 => {
                process.say(ADA, jam(), "/pause");
                process.sees_in(jam(), "Paused by").await;
                process.say(ADA, jam(), "/resume");
                process.sees_in(jam(), "plays on").await;
                process.say(ADA, jam(), "/skip");
            }
            // one sounds to its end
            1 => {}
            4 => process.say(ADA, jam(), "/stop"),
            _ => process.say(ADA, jam(), "/skip"),
        }
    }
    process.sees_in(jam(), "stopped the music").await;
    process.signal("-TERM");
    let (end, telegram) = process.ends(END_MAX).await;
    assert_eq!(end.status.code(), Some(0), "{}", end.log.join("\n"));
    let is_above = |line: &&String| [" WARN ", " ERROR "].iter().any(|level| line.contains(level));
    let above: Vec<&String> = end.log.iter().filter(is_above).collect();
    assert!(above.is_empty(), "{above:#?}");
    let n_max = N_LINES_OF_A_SESSION + N_LINES_OF_ONE_TRACK * Track::ALL.len();
    assert!(end.log.len() <= n_max, "{} lines: {:#?}", end.log.len(), end.log);
    telegram.stop().await;
}

#[test]
fn the_document_shows_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/logs.md");
    let document = std::fs::read_to_string(&path).expect("the document is readable");
    let (before, rest) = document.split_once("<!-- troubles -->\n").expect("there are two markers");
    let (drawn, after) = rest.split_once("<!-- /troubles -->").expect("there are two markers");
    let table = troubles::table();
    if std::env::var_os("UPDATE").is_some() {
        let updated = format!("{before}<!-- troubles -->\n{table}<!-- /troubles -->{after}");
        std::fs::write(&path, updated).expect("the document is writable");
    } else {
        assert_eq!(drawn, table, "run the test with UPDATE=1 to draw the table anew");
    }
}
