//! Chats that move, and assistants that return.

use simulator::music::Track;
use simulator::world::{ADA, ASSISTANT, BORIS, DMITRI, SECOND_ASSISTANT, jam, kitchen};

use super::table::{Noticed, record};
use super::{POSITION_ERROR_MAX, cellar, hears, lines, listens, playing, queue, with_cellar};
use crate::process::{Process, Setup};
use crate::world::heard;

#[tokio::test(flavor = "multi_thread")]
async fn the_same_assistant_returns_to_its_chat_after_a_kill() {
    let (mut process, _) = playing(with_cellar(Setup::new())).await;
    // the first is busy in the other group
    let listener = listens(&process, cellar()).await;
    process.say(ADA, cellar(), "/play orchard");
    process.sees_in(cellar(), "Now playing").await;
    hears(&process, &listener, 50).await;
    let serves = |process: &Process, chat, who| {
        let calls = process.telegram.calls();
        calls.participants(chat).iter().any(|one| one.user == who)
    };
    assert!(serves(&process, cellar(), SECOND_ASSISTANT) && serves(&process, jam(), ASSISTANT));
    // now both are free, and whoever signs in first would do
    process.say(ADA, jam(), "/stop");
    process.until("the first is free", || !serves(&process, jam(), ASSISTANT)).await;
    for _ in 0..3 {
        process.kill_9();
        process.start_again();
        process.logs("in the voice chat").await;
        hears(&process, &listener, 50).await;
        assert!(serves(&process, cellar(), SECOND_ASSISTANT), "{}", process.log().join("\n"));
        assert!(!serves(&process, cellar(), ASSISTANT), "{}", process.log().join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_becomes_a_supergroup_takes_its_music_along() {
    let setup = Setup::new().population(|population| {
        let group = population.places.iter_mut().find(|place| place.id == kitchen());
        let group = group.expect("it is in every population");
        group.voice_chat = true;
        group.members.extend([DMITRI, ASSISTANT]);
    });
    let mut process = setup.start().await;
    let listener = listens(&process, kitchen()).await;
    process.say(ADA, kitchen(), "/play northbound");
    process.sees_in(kitchen(), "Now playing\nArmed Ensemble — Northbound").await;
    process.say(BORIS, kitchen(), "/play orchard");
    process.sees_in(kitchen(), "Number 1 in the queue").await;
    hears(&process, &listener, 100).await;
    let n_said = process.telegram.world().messages(kitchen()).len();
    let before = listener.packets().len();
    let to = process.telegram.upgrade(kitchen()).expect("it is a basic group");
    process.sees_in(to, "Now playing\nArmed Ensemble — Northbound").await;
    hears(&process, &listener, 150).await;
    let packets = listener.packets();
    // what was still on its way belongs to the piece before
    let report = simulator::ear::report(&heard(&packets).pcm, Track::Northbound);
    let report = report.expect("it is the track");
    let piece = |packets: &[simulator::listener::Packet]| {
        simulator::ear::report(&heard(packets).pcm, Track::Northbound).expect("it is the track")
    };
    let (broke_off, went_on) = (piece(&packets[..before]).last, piece(&packets[before..]).first);
    let error = broke_off.abs_diff(went_on);
    assert!(error <= POSITION_ERROR_MAX, "{broke_off:?} and then {went_on:?}: {report:?}");
    let noticed = Noticed::between(&packets[before.saturating_sub(1)..]);
    assert!(queue(&process, to).await.contains("1. orchard"));
    // the upgrade itself is the last word of the old chat
    assert_eq!(process.telegram.world().messages(kitchen()).len(), n_said + 1);
    let refused = process.telegram.world().say(ADA, kitchen(), "/queue").expect_err("it is over");
    assert_eq!(refused.name, "CHAT_ID_INVALID");
    process.say(ADA, to, "/skip");
    process.sees_in(to, "Now playing\norchard").await;
    hears(&process, &listener, 50).await;
    process.kill_9();
    let before = listener.packets().len();
    process.start_again();
    process.logs("going on where it was left chats=1").await;
    hears(&process, &listener, 100).await;
    let pcm = heard(&listener.packets()[before..]).pcm;
    assert!(simulator::ear::report(&pcm, Track::Orchard).is_some(), "a restart finds the new chat");
    assert_eq!(lines(&process, "ERROR"), Vec::<String>::new());
    let noticed = format!("{noticed}; it goes on {} ms beside where it was", error.as_millis());
    record("a group becomes a supergroup", &noticed, "0", "nothing");
}
