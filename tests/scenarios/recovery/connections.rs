//! Connections that break, garble, stall or lie.

use std::time::{Duration, Instant};

use simulator::dc::{Faults, Rule, Target};
use simulator::world::BOT;

use super::{
    all_answered, answered, ask, hasty, key_of, lives, ms, obeyed_once, one_connection_each,
};
use crate::figures;
use crate::world::Running;

const BOT_LINK: Target = Target::User(BOT);

/// What a broken connection may cost.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// Strikes, and says something in every chat at the same moment: all of it is answered in time, once, by the same life
/// of the bot.
async fn survives(row: &str, fault: &str, strike: impl FnOnce(&Running, &Faults)) {
    strikes(row, fault, false, strike).await;
}

/// The same for what costs the connection: it is asserted that it did.
async fn survives_the_end(row: &str, fault: &str, strike: impl FnOnce(&Running, &Faults)) {
    strikes(row, fault, true, strike).await;
}

async fn strikes(
    row: &str,
    fault: &str,
    costs_connection: bool,
    strike: impl FnOnce(&Running, &Faults),
) {
    let running = hasty().start().await;
    let (mut asked, usual) = all_answered(&running, "before").await;
    let life = lives(&running, "root/bot");
    let opened = || running.telegram().dc().stats().keys[&key_of(&running, BOT)].connections_opened;
    let (before, since) = (opened(), Instant::now());
    strike(&running, running.telegram().dc().faults());
    let at_once: Vec<_> = super::chats().map(|chat| ask(&running, chat, "at once")).to_vec();
    if costs_connection {
        running.until("the next connection is there", || opened() > before).await;
    }
    let (during, _) = all_answered(&running, "during").await;
    for one in &at_once {
        answered(&running, *one).await;
    }
    let took = since.elapsed();
    if !costs_connection {
        assert_eq!(opened(), before, "{fault} cost the connection");
    }
    asked.extend(at_once.into_iter().chain(during));
    obeyed_once(&running, &asked).await;
    assert_eq!(lives(&running, "root/bot"), life, "the bot itself did not notice");
    one_connection_each(&running);
    running.end().await;
    assert!(took < usual + BACK_WITHIN, "{fault}: {took:?}");
    figures::record(row, fault, &format!("all answered after {}, each once", ms(took)), "5 s");
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// A message of the protocol itself, as it stands.
async fn survives_message(fault: &str, body: Vec<u8>) {
    survives_the_end("35", fault, |_, faults| {
        assert_eq!(faults.push_raw(BOT_LINK, body, simulator::dc::Envelope::Plain), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_reset_comes_back() {
    survives_the_end("4", "TCP reset", |_, faults| assert_eq!(faults.reset(BOT_LINK), 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_closed_comes_back() {
    survives_the_end("4", "TCP closed", |_, faults| assert_eq!(faults.disconnect(BOT_LINK), 1))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_in_a_frame_costs_one_connection() {
    survives_the_end("35", "a frame that does not decrypt", |_, faults| {
        assert_eq!(faults.send_noise(BOT_LINK), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_between_frames_costs_one_connection() {
    survives_the_end("35", "bytes outside any frame", |_, faults| {
        faults.write_bytes(BOT_LINK, vec![0x5A; 333]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_breaks_off_costs_one_connection() {
    survives_the_end("35", "a truncated frame", |_, faults| {
        assert_eq!(faults.send_truncated_frame(BOT_LINK), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_an_absurd_length_is_not_waited_for() {
    survives_the_end("35", "a frame of 0x7ffffffc bytes announced", |_, faults| {
        assert_eq!(faults.send_oversized_length(BOT_LINK), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_for_another_session_costs_one_connection() {
    survives_the_end("35", "a message with a wrong session id", |_, faults| {
        assert_eq!(faults.push_with_wrong_session(BOT_LINK, words(&[0xe317_af7e])), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_of_less_than_nothing_costs_one_connection() {
    survives_message("a container of -1 messages", words(&[0x73f1_f8dc, u32::MAX])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_with_a_message_of_less_than_nothing_costs_one_connection() {
    let body = words(&[0x73f1_f8dc, 1, 1, 0, 1, (-8_i32).cast_unsigned(), 0, 0]);
    survives_message("a message of -8 bytes in a container", body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_salt_that_nobody_asked_for_costs_one_connection() {
    survives_message("an unasked future_salt", words(&[0x0949_d9dc, 0, 1, 2, 3])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_an_obsolete_wrapper_costs_one_connection() {
    let body = words(&[0xe060_46b2, 1, 0, 1, 4, 0xe317_af7e]);
    survives_message("a msg_copy", body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_compression_costs_one_connection() {
    let body = words(&[0x3072_cfa1, 0x0101_0107, 0x0101_0101]);
    survives_message("gzip_packed that is not gzip", body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_two_megabytes_costs_one_connection() {
    survives_the_end("35", "a message of 2 MiB", |_, faults| {
        let body = [words(&[0x52d6_806b]), vec![7; 2 << 20]].concat();
        assert_eq!(faults.push_raw(BOT_LINK, body, simulator::dc::Envelope::Plain), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_with_impossible_numbers_is_survived() {
    // updateShort { updateDeleteMessages { [], pts, pts_count } }
    let body = words(&[0x78d4_dec1, 0xa20d_b0e5, 0x1cb5_c415, 0, 0x7fff_ffff, 0x7fff_ffff, 0]);
    survives("35", "an update with pts and pts_count of 2^31 - 1", |_, faults| {
        assert_eq!(faults.push_raw(BOT_LINK, body, simulator::dc::Envelope::Plain), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_salts_are_taken_over() {
    survives("10", "all salts change", |_, faults| faults.change_salts()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_clock_is_an_hour_ahead_is_followed() {
    survives("22", "the server's clock jumps an hour ahead", |_, faults| {
        faults.set_clock_offset(3_600);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_clock_is_an_hour_behind_is_followed() {
    survives_the_end("22", "the server's clock jumps an hour back", |_, faults| {
        faults.set_clock_offset(-3_600);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_that_got_lost_are_fetched() {
    survives("10", "three pushes lost (a pts gap)", |running, _| {
        running.world().lose_pushes(BOT, 3);
        for chat in super::chats() {
            ask(running, chat, "lost");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_answer_to_the_difference_is_survived() {
    use grammers_constructors::GET_DIFFERENCE;
    survives_the_end("10", "getDifference fails with 500 three times", |_, faults| {
        faults.arrange(Rule::error(GET_DIFFERENCE, 500, "INTERNAL").of_user(BOT).times(3));
        faults.disconnect(BOT_LINK);
    })
    .await;
}

/// Some servers say it outside any frame.
#[tokio::test(flavor = "multi_thread")]
async fn a_bare_transport_error_is_understood_too() {
    survives_the_end("35", "a bare -444 in place of a frame", |_, faults| {
        faults.write_bytes(BOT_LINK, words(&[(-444_i32).cast_unsigned()]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_transport_error_404_is_not_believed() {
    survives_the_end("6", "-404 once", |_, faults| {
        assert_eq!(faults.transport_error(BOT_LINK, -404), 1);
    })
    .await;
}

/// Numbers of methods that the scenarios strike at.
mod grammers_constructors {
    pub(super) const GET_DIFFERENCE: u32 = 0x19c2_f763;
}

/// The same update as a push and in the difference: the push is held back until the difference is being fetched.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_and_fetched_at_the_same_time_is_obeyed_once() {
    let running = hasty().start().await;
    let (mut asked, _) = all_answered(&running, "before").await;
    for round in 0..10 {
        // the connection breaks while people speak: some of it is pushed, all of it is in the difference
        for chat in super::chats() {
            asked.push(ask(&running, chat, &format!("round {round}")));
        }
        running.telegram().dc().faults().disconnect(BOT_LINK);
        for chat in super::chats() {
            asked.push(ask(&running, chat, &format!("again {round}")));
        }
    }
    for one in &asked {
        answered(&running, *one).await;
    }
    obeyed_once(&running, &asked).await;
    one_connection_each(&running);
    running.end().await;
    figures::record(
        "10",
        "60 commands around ten lost connections",
        "each obeyed once",
        "each once",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_connections_is_answered_with_patience() {
    let running = hasty().start().await;
    let (asked, _) = all_answered(&running, "before").await;
    let opened = || running.telegram().dc().stats().connections_opened;
    let before = opened();
    let faults = running.telegram().dc().faults();
    faults.refuse_frames(Some(-429));
    faults.transport_error(Target::All, -429);
    tokio::time::sleep(Duration::from_secs(6)).await;
    faults.refuse_frames(None);
    let dials = opened() - before;
    let since = Instant::now();
    let (during, _) = all_answered(&running, "during").await;
    obeyed_once(&running, &[asked, during].concat()).await;
    one_connection_each(&running);
    running.end().await;
    assert!(dials <= 9, "three accounts dialled {dials} times in 6 s");
    figures::record(
        "4",
        "-429 for 6 s",
        &format!("{dials} dials of three accounts, back after {}", ms(since.elapsed())),
        "at most one dial in 5 s each",
    );
}

/// What a new life knows of its groups came from what it asked at its start. A connection that is lost within the same
/// second leaves Telegram nothing to tell about them (its dates are seconds), so they have to be asked for.
#[tokio::test(flavor = "multi_thread")]
async fn groups_that_were_only_read_about_are_asked_for_after_a_loss() {
    let running = hasty().start().await;
    let (mut asked, _) = all_answered(&running, "before").await;
    for _ in 0..2 {
        assert!(running.inside.tree.root().tree().kill("root/bot"));
        let (during, _) = all_answered(&running, "during").await;
        asked.extend(during);
        obeyed_once(&running, &asked).await;
    }
    running.end().await;
}

/// Half-open: the server hears nothing and says nothing, and TCP stays up.
#[tokio::test(flavor = "multi_thread")]
async fn a_mute_server_is_noticed_and_replaced() {
    let settings = "telegram.ping_every_s = 1\ntelegram.ping_timeout_s = 1";
    let running = hasty().settings(settings).start().await;
    let (mut asked, _) = all_answered(&running, "before").await;
    let since = Instant::now();
    assert_eq!(running.telegram().dc().faults().mute(BOT_LINK), 1);
    let (during, _) = all_answered(&running, "during").await;
    let took = since.elapsed();
    asked.extend(during);
    obeyed_once(&running, &asked).await;
    running.end().await;
    assert!(took < Duration::from_secs(15), "{took:?}");
    figures::record(
        "4",
        "a half-open connection",
        &format!(
            "back after {} with pings every 1 s, 1 s to answer and 1 s to wait (defaults: 20 + 5 + 5 s)",
            ms(took)
        ),
        "noticed within ping interval + 5 s",
    );
}
