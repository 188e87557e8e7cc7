//! Signalling and media together: real clients in calls.

use super::*;
use crate::listener::{JoinError, Listener, Style};

const OPUS: [u8; 4] = [0xf8, 0x11, 0x22, 0x33];

async fn speaks(speaker: &Listener, n: usize) {
    for _ in 0..n {
        speaker.send_opus(&OPUS, 960, 20, true);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn members_hear_each_other() {
    let (world, _) = TestBox::ringing();
    let alice = Listener::join(&world.calls, ALICE, CHAT, Style::Native).await.unwrap();
    let bob = Listener::join(&world.calls, BOB, CHAT, Style::Web).await.unwrap();
    assert!(
        world
            .calls
            .wait_for(CHAT, SOON, |all| all.iter().filter(|one| one.is_connected).count() == 2)
            .await
    );
    speaks(&alice, 10).await;
    assert!(bob.wait_for_packets(10, SOON).await);
    assert!(bob.take_packets().iter().all(|packet| packet.ssrc == alice.ssrc()));
    alice.leave().await;
    assert!(world.calls.wait_for(CHAT, SOON, |all| all.len() == 1).await);
}

#[tokio::test]
async fn a_newcomer_is_heard_however_many_were_heard_before() {
    let (world, _) = TestBox::ringing();
    let bob = Listener::join(&world.calls, BOB, CHAT, Style::Native).await.unwrap();
    for n_before in 0..66 {
        let alice = Listener::join(&world.calls, ALICE, CHAT, Style::Native).await.unwrap();
        speaks(&alice, 2).await;
        assert!(bob.wait_for_packets(2, SOON).await, "{n_before} were heard before");
        assert!(bob.take_packets().iter().all(|packet| packet.ssrc == alice.ssrc()));
    }
}

#[tokio::test]
async fn a_muted_member_is_not_heard_until_it_unmutes() {
    let (world, call) = TestBox::ringing();
    let alice = Listener::join(&world.calls, ALICE, CHAT, Style::Native).await.unwrap();
    let bob = Listener::join(&world.calls, BOB, CHAT, Style::Native).await.unwrap();
    world.calls.force_mute(CHAT, ALICE);
    speaks(&alice, 5).await;
    world.calls.allow_speaking(CHAT, ALICE);
    speaks(&alice, 5).await;
    let source =
        || world.calls.sfu().stats(CHAT).into_iter().find(|peer| peer.user == ALICE).unwrap();
    let deadline = std::time::Instant::now() + SOON;
    let silenced = || {
        source().count(crate::sfu::Reason::ForceMuted) + source().count(crate::sfu::Reason::Muted)
    };
    while silenced() < 10 && std::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(source().count(crate::sfu::Reason::ForceMuted), 5);
    assert_eq!(source().count(crate::sfu::Reason::Muted), 5, "a permission does not unmute");
    assert!(bob.packets().is_empty());
    let mut unmute = edit(&call, ALICE);
    unmute.muted = Some(false);
    world.ask(ALICE, unmute).await.unwrap();
    speaks(&alice, 5).await;
    assert!(bob.wait_for_packets(5, SOON).await);
}

#[tokio::test]
async fn who_never_connects_is_dropped_with_a_row() {
    let world = TestBox::with(|settings| settings.connect_within = Duration::from_millis(300));
    let call = world.start();
    world.join(ALICE, &call, 5).await;
    world.rooms.take(BOB);
    assert!(world.calls.wait_for(CHAT, SOON, <[Participant]>::is_empty).await);
    let (row, _) = rows(&world.rooms.take(BOB)).remove(0);
    assert!(row.left && row.source == 5);
    let check = phone::CheckGroupCall { call, sources: vec![5] };
    assert_eq!(world.refused(ALICE, check).await, "400 GROUPCALL_JOIN_MISSING");
}

#[tokio::test]
async fn who_never_connects_is_dropped_although_the_chat_has_moved() {
    let world = TestBox::with(|settings| settings.connect_within = Duration::from_millis(300));
    let call = world.start();
    world.join(ALICE, &call, 5).await;
    let moved = CHAT - 1;
    world.calls.moved(CHAT, moved);
    assert!(world.calls.wait_for(moved, SOON, |all| all.len() == 1).await);
    assert!(world.calls.wait_for(moved, SOON, <[Participant]>::is_empty).await);
}

#[tokio::test]
async fn who_falls_silent_is_dropped_and_who_only_says_nothing_is_not() {
    let world = TestBox::with(|settings| settings.silence_max = Duration::from_secs(5));
    world.start();
    let alice = Listener::join(&world.calls, ALICE, CHAT, Style::Native).await.unwrap();
    let bob = Listener::join(&world.calls, BOB, CHAT, Style::Native).await.unwrap();
    drop(alice);
    assert!(world.calls.wait_for(CHAT, SOON, |all| all.len() == 1).await);
    assert_eq!(world.calls.participants(CHAT)[0].user, BOB);
    assert!(!bob.is_closed());
}

#[tokio::test]
async fn a_second_join_replaces_the_first() {
    let (world, call) = TestBox::ringing();
    let first = Listener::join(&world.calls, ALICE, CHAT, Style::Native).await.unwrap();
    let bob = Listener::join(&world.calls, BOB, CHAT, Style::Native).await.unwrap();
    let second = Listener::join(&world.calls, ALICE, CHAT, Style::Web).await.unwrap();
    assert_eq!(world.calls.participants(CHAT).len(), 2);
    speaks(&first, 3).await;
    speaks(&second, 3).await;
    assert!(bob.wait_for_packets(3, SOON).await);
    assert!(bob.packets().iter().all(|packet| packet.ssrc == second.ssrc()));
    let sources = vec![first.ssrc() as i32, second.ssrc() as i32];
    let check = phone::CheckGroupCall { call, sources };
    assert_eq!(world.ask(ALICE, check).await.unwrap(), vec![second.ssrc() as i32]);
}

#[tokio::test]
async fn a_wrong_certificate_in_the_answer_never_connects() {
    let world = TestBox::with(|settings| settings.connect_within = Duration::from_secs(2));
    world.start();
    world.calls.inject(CHAT, Fault::BadFingerprint);
    let joined = Listener::join(&world.calls, ALICE, CHAT, Style::Native).await;
    assert!(matches!(joined, Err(JoinError::NotConnected)));
    assert!(world.calls.wait_for(CHAT, SOON, <[Participant]>::is_empty).await);
}

#[tokio::test]
async fn a_change_of_server_drops_everybody_and_they_can_come_back() {
    let (world, _) = TestBox::ringing();
    let alice = Listener::join(&world.calls, ALICE, CHAT, Style::Native).await.unwrap();
    world.rooms.take(ALICE);
    world.calls.sfu().change();
    assert!(world.calls.wait_for(CHAT, SOON, <[Participant]>::is_empty).await);
    let (row, _) = rows(&world.rooms.take(ALICE)).remove(0);
    assert!(row.left && row.is_self && row.source == alice.ssrc() as i32);
    Listener::join(&world.calls, ALICE, CHAT, Style::Native).await.unwrap();
}

#[tokio::test]
async fn a_closed_transport_is_closed_for_the_client_and_gone_for_checks() {
    let (world, call) = TestBox::ringing();
    let alice = Listener::join(&world.calls, ALICE, CHAT, Style::Native).await.unwrap();
    assert!(world.calls.wait_for(CHAT, SOON, |all| all[0].is_connected).await);
    world.calls.sfu().close_all();
    assert!(alice.wait_closed(SOON).await);
    let check = phone::CheckGroupCall { call, sources: vec![alice.ssrc() as i32] };
    assert_eq!(world.ask(ALICE, check).await.unwrap(), Vec::<i32>::new());
}

#[tokio::test]
async fn a_late_answer_is_late_and_right() {
    let (world, _) = TestBox::ringing();
    world.calls.inject(CHAT, Fault::Late(300));
    let before = std::time::Instant::now();
    Listener::join(&world.calls, ALICE, CHAT, Style::Native).await.unwrap();
    assert!(before.elapsed() >= Duration::from_millis(300));
}
