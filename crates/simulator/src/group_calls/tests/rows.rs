//! What the answers and pushes say.

use super::*;

#[tokio::test]
async fn a_join_answers_with_everything_at_once_in_varying_order() {
    let (world, call) = TestBox::ringing();
    let before = world.version();
    let mut orders = std::collections::BTreeSet::new();
    for ssrc in 1..40 {
        let got = world.join(ALICE, &call, ssrc).await;
        assert_eq!(got.len(), 3);
        assert!(connection(&got).unwrap()["transport"].is_object());
        let Some(tl::enums::GroupCall::Call(seen)) = call_object(&got) else { panic!("no call") };
        let rows = rows(&got);
        let (row, version) = &rows[0];
        assert!(row.is_self && row.just_joined && row.versioned && !row.left && !row.muted);
        assert_eq!((row.source, *version, seen.version), (ssrc, before + ssrc, before + ssrc));
        assert_eq!(seen.participants_count, 1, "a second join of a user replaces the first");
        orders.insert(
            got.iter()
                .map(std::mem::discriminant)
                .map(|kind| format!("{kind:?}"))
                .collect::<Vec<_>>(),
        );
    }
    assert!(orders.len() >= 5, "{orders:?}");
}

#[tokio::test]
async fn others_hear_of_a_join_and_see_it_as_somebody_elses() {
    let (world, call) = TestBox::ringing();
    world.rooms.take(BOB);
    world.join(ALICE, &call, 5).await;
    let pushed = world.rooms.take(BOB);
    let rows = rows(&pushed);
    assert!(!rows[0].0.is_self && rows[0].0.just_joined);
    assert_eq!(rows[0].1, world.version());
    assert!(call_object(&pushed).is_some() && connection(&pushed).is_none());
    assert!(
        world
            .rooms
            .take(ALICE)
            .iter()
            .all(|update| !matches!(update, Update::GroupCallParticipants(_)))
    );
    assert!(world.rooms.take(BOT).is_empty(), "bots know nothing of group calls");
}

#[tokio::test]
async fn the_answer_has_the_quirks_of_production() {
    let (world, call) = TestBox::ringing();
    let answer = connection(&world.join(ALICE, &call, 5).await).unwrap();
    let candidates = answer["transport"]["candidates"].as_array().unwrap();
    assert!(
        candidates.iter().flat_map(|one| one.as_object().unwrap().values()).all(Value::is_string)
    );
    assert!(candidates[0]["ip"].as_str().unwrap().contains(':'), "the first leads nowhere");
    assert_eq!(candidates[1]["ip"], "127.0.0.1");
    assert_eq!(candidates[1]["port"], world.calls.sfu().address().port().to_string());
    assert_eq!(answer["transport"]["fingerprints"][0]["setup"], "active");
    assert_eq!(answer["transport"]["rtcp-mux"], true);
    assert!(answer["transport"]["xmlns"].is_string());
    let codecs = answer["video"]["payload-types"].as_array().unwrap();
    assert!(
        codecs.iter().any(|codec| codec["clockrate"] == 9000 && codec["parameters"] == json!([]))
    );
    assert!(codecs.iter().any(|codec| codec["parameters"]["apt"].is_string()));
    assert!(answer["video"]["server_sources"][0].is_number());
    assert_eq!(answer["audio"]["payload-types"][0]["parameters"]["minptime"], 10);
    let mut active = params(6);
    active["fingerprints"][0]["setup"] = json!("active");
    let answer = connection(&updates(world.ask(BOB, join(&call, &active)).await.unwrap())).unwrap();
    assert_eq!(answer["transport"]["fingerprints"][0]["setup"], "passive");
}

#[tokio::test]
async fn broken_answers_are_as_broken_as_asked_for() {
    let (world, call) = TestBox::ringing();
    let answer = async |fault, ssrc| {
        world.calls.inject(CHAT, fault);
        world.join(ALICE, &call, ssrc).await
    };
    assert_eq!(connection(&answer(Fault::Stream, 1).await).unwrap(), json!({"stream": true}));
    assert!(world.calls.participants(CHAT)[0].is_muted, "a listener of a broadcast cannot speak");
    assert_eq!(connection(&answer(Fault::Rtmp, 2).await).unwrap()["rtmp"], true);
    assert!(connection(&answer(Fault::NoConnection, 3).await).is_none());
    let named = connection(&answer(Fault::BadFingerprint, 4).await).unwrap();
    assert!(
        named["transport"]["fingerprints"][0]["fingerprint"]
            .as_str()
            .unwrap()
            .starts_with("00:00:")
    );
    let Some(tl::enums::GroupCall::Call(seen)) = call_object(&answer(Fault::Conference, 5).await)
    else {
        panic!("no call")
    };
    assert!(seen.conference);
    world.calls.inject(CHAT, Fault::UnknownUpdate);
    let bytes = world.calls.handle(ALICE, 1, &join(&call, &params(6)).to_bytes()).unwrap().await;
    let Answer::Result(bytes) = bytes else { panic!("{bytes:?}") };
    assert!(Updates::from_bytes(&bytes).is_err(), "no layer knows this update");
    assert_eq!(u32::from_le_bytes(bytes[8..12].try_into().unwrap()), 4);
}

#[tokio::test]
async fn leaving_is_told_with_the_source_and_only_for_the_present_one() {
    let (world, call) = TestBox::ringing();
    world.join(ALICE, &call, 5).await;
    world.rooms.take(BOB);
    let leave = |source| phone::LeaveGroupCall { call: call.clone(), source };
    assert!(
        updates(world.ask(ALICE, leave(4)).await.unwrap()).is_empty(),
        "a stale leave changes nothing"
    );
    assert_eq!(world.calls.participants(CHAT).len(), 1);
    let before = world.version();
    let own = rows(&updates(world.ask(ALICE, leave(0)).await.unwrap()));
    assert!(own[0].0.left && own[0].0.is_self);
    let (row, version) = rows(&world.rooms.take(BOB)).remove(0);
    assert!(row.left && row.versioned);
    assert_eq!((row.source, version), (5, before + 1));
    assert!(world.calls.participants(CHAT).is_empty());
    assert!(updates(world.ask(ALICE, leave(5)).await.unwrap()).is_empty());
}

#[tokio::test]
async fn an_administrators_unmute_is_only_a_permission() {
    let (world, call) = TestBox::ringing();
    world.join(ADMIN, &call, 4).await;
    world.join(ALICE, &call, 5).await;
    let mute = |user: i64, target: i64, muted: bool| {
        let mut request = edit(&call, target);
        request.muted = Some(muted);
        world.ask(user, request)
    };
    mute(ADMIN, ALICE, true).await.unwrap();
    let (row, _) = rows(&world.rooms.take(ALICE)).pop().unwrap();
    assert!(row.muted && !row.can_self_unmute && row.is_self && !row.versioned);
    mute(ADMIN, ALICE, false).await.unwrap();
    let (row, _) = rows(&world.rooms.take(ALICE)).pop().unwrap();
    assert!(row.muted && row.can_self_unmute);
    mute(ALICE, ALICE, false).await.unwrap();
    assert!(!world.calls.participants(CHAT)[1].is_muted);
    mute(ALICE, ALICE, true).await.unwrap();
    let (row, _) = rows(&world.rooms.take(BOB)).pop().unwrap();
    assert!(row.muted && row.can_self_unmute && !row.is_self);
}

#[tokio::test]
async fn a_volume_is_for_all_from_administrators_and_else_for_oneself() {
    let (world, call) = TestBox::ringing();
    world.join(ADMIN, &call, 4).await;
    world.join(ALICE, &call, 5).await;
    world.join(BOB, &call, 6).await;
    let volume = |user: i64, volume: i32| {
        let mut request = edit(&call, BOB);
        request.volume = Some(volume);
        world.ask(user, request)
    };
    for user in [ADMIN, ALICE, BOB] {
        world.rooms.take(user);
    }
    let own = rows(&updates(volume(ALICE, 5_000).await.unwrap()));
    assert_eq!((own[0].0.volume, own[0].0.volume_by_admin), (Some(5_000), false));
    assert!(world.rooms.take(BOB).is_empty(), "nobody else is told");
    volume(ADMIN, 20_000).await.unwrap();
    let (row, _) = rows(&world.rooms.take(BOB)).pop().unwrap();
    assert_eq!((row.volume, row.volume_by_admin), (Some(20_000), true));
    assert_eq!(world.calls.participants(CHAT)[2].volume, Some(20_000));
}

#[tokio::test]
async fn whoever_joins_a_muted_call_cannot_unmute_himself() {
    let (world, call) = TestBox::ringing();
    world.calls.set_join_muted(CHAT, true);
    let (row, _) = rows(&world.join(ALICE, &call, 5).await).remove(0);
    assert!(row.muted && !row.can_self_unmute);
    let (row, _) = rows(&world.join(ADMIN, &call, 6).await).remove(0);
    assert!(!row.muted);
    world.calls.allow_speaking(CHAT, ALICE);
    let (row, _) = rows(&world.rooms.take(ALICE)).pop().unwrap();
    assert!(row.muted && row.can_self_unmute);
}

#[tokio::test]
async fn the_end_of_a_call_reaches_everybody() {
    let (world, call) = TestBox::ringing();
    world.join(ALICE, &call, 5).await;
    world.rooms.take(ALICE);
    world.calls.discard(CHAT);
    let pushed = world.rooms.take(ALICE);
    assert!(matches!(call_object(&pushed), Some(tl::enums::GroupCall::Discarded(_))));
    let ended = world.rooms.messages().into_iter().any(
        |action| matches!(action, tl::enums::MessageAction::GroupCall(action) if action.duration.is_some()),
    );
    assert!(ended);
    assert_eq!(world.refused(ALICE, edit(&call, ALICE)).await, "403 GROUPCALL_FORBIDDEN");
}

#[tokio::test]
async fn participants_are_found_by_source_and_in_pages() {
    let (world, call) = TestBox::ringing();
    world.join(ADMIN, &call, 4).await;
    world.join(ALICE, &call, -5).await;
    world.join(BOB, &call, 6).await;
    let request = |sources: Vec<i32>, offset: &str, limit| phone::GetGroupParticipants {
        call: call.clone(),
        ids: Vec::new(),
        sources,
        offset: offset.to_owned(),
        limit,
    };
    let page = async |request| {
        let tl::enums::phone::GroupParticipants::Participants(page) =
            world.ask(ALICE, request).await.unwrap();
        let sources = page
            .participants
            .iter()
            .map(|tl::enums::GroupCallParticipant::Participant(row)| row.source);
        (sources.collect::<Vec<_>>(), page.next_offset, page.count)
    };
    assert_eq!(page(request(vec![-5], "", 10)).await, (vec![-5], String::new(), 3));
    assert_eq!(page(request(Vec::new(), "", 2)).await, (vec![4, -5], "2".to_owned(), 3));
    assert_eq!(page(request(Vec::new(), "2", 2)).await, (vec![6], String::new(), 3));
    let beyond = u64::MAX.to_string();
    assert_eq!(page(request(Vec::new(), &beyond, 2)).await, (Vec::new(), String::new(), 3));
    let get = phone::GetGroupCall { call: call.clone(), limit: -1 };
    let tl::enums::phone::GroupCall::Call(got) = world.ask(ALICE, get).await.unwrap();
    assert_eq!(got.participants.len(), 3);
}

#[tokio::test]
async fn false_news_reaches_only_the_one_concerned() {
    let (world, call) = TestBox::ringing();
    world.join(ALICE, &call, 5).await;
    world.rooms.take(ALICE);
    world.rooms.take(BOB);
    world.calls.claim_left(CHAT, ALICE);
    let (row, _) = rows(&world.rooms.take(ALICE)).remove(0);
    assert!(row.left && row.is_self && row.source == 5);
    world.calls.claim_other_source(CHAT, ALICE, 99);
    let (row, _) = rows(&world.rooms.take(ALICE)).remove(0);
    assert!(row.is_self && !row.left && row.source == 99);
    assert!(world.rooms.take(BOB).is_empty());
    assert_eq!(world.calls.participants(CHAT)[0].ssrc, 5);
}

#[tokio::test]
async fn a_kick_is_a_row_that_says_left() {
    let (world, call) = TestBox::ringing();
    world.join(ALICE, &call, 5).await;
    world.rooms.take(ALICE);
    world.calls.kick(CHAT, ALICE);
    let (row, _) = rows(&world.rooms.take(ALICE)).remove(0);
    assert!(row.left && row.is_self && row.source == 5);
    assert!(world.calls.participants(CHAT).is_empty());
}

#[tokio::test]
async fn a_presentation_is_a_second_transport_with_its_own_source() {
    let (world, call) = TestBox::ringing();
    world.join(ALICE, &call, 5).await;
    world.rooms.take(BOB);
    let data = tl::types::DataJson { data: params(50).to_string() };
    let present = phone::JoinGroupCallPresentation { call: call.clone(), params: data.into() };
    let got = updates(world.ask(ALICE, present).await.unwrap());
    let is_flagged =
        |update: &Update| matches!(update, Update::GroupCallConnection(c) if c.presentation);
    assert!(got.iter().any(is_flagged));
    assert!(connection(&got).unwrap()["transport"].is_object());
    let (row, _) = rows(&world.rooms.take(BOB)).remove(0);
    let Some(tl::enums::GroupCallParticipantVideo::Video(shown)) = row.presentation else {
        panic!("not shown")
    };
    assert_eq!(shown.audio_source, Some(50));
    let check = phone::CheckGroupCall { call: call.clone(), sources: vec![5, 50, 51] };
    assert_eq!(world.ask(ALICE, check).await.unwrap(), vec![5, 50]);
    world.ask(ALICE, phone::LeaveGroupCallPresentation { call }).await.unwrap();
    assert!(!world.calls.participants(CHAT)[0].has_presentation);
}

#[tokio::test]
async fn video_is_announced_once_it_is_not_stopped() {
    let (world, call) = TestBox::ringing();
    let mut with_video = params(5);
    with_video["ssrc-groups"] = json!([{"semantics": "FID", "sources": [6, 7]}]);
    let (row, _) =
        rows(&updates(world.ask(ALICE, join(&call, &with_video)).await.unwrap())).remove(0);
    assert!(row.video.is_none() && row.video_joined);
    let mut request = edit(&call, ALICE);
    request.video_stopped = Some(false);
    world.ask(ALICE, request).await.unwrap();
    let (row, _) = rows(&world.rooms.take(BOB)).pop().unwrap();
    let Some(tl::enums::GroupCallParticipantVideo::Video(video)) = row.video else {
        panic!("no video")
    };
    assert!(!video.endpoint.is_empty());
    assert_eq!(
        world.refused(BOB, join(&call, &params(7))).await,
        "400 GROUPCALL_SSRC_DUPLICATE_MUCH"
    );
}

#[tokio::test]
async fn the_small_methods_answer() {
    let (world, call) = TestBox::ringing();
    world.join(ALICE, &call, 5).await;
    let peer = || tl::types::InputPeerChannel { channel_id: 100, access_hash: 0 }.into();
    world.ask(ALICE, phone::GetGroupCallJoinAs { peer: peer() }).await.unwrap();
    let join_as = tl::enums::InputPeer::PeerSelf;
    assert!(
        world
            .ask(ALICE, phone::SaveDefaultGroupCallJoinAs { peer: peer(), join_as })
            .await
            .unwrap()
    );
    world
        .ask(ALICE, phone::ExportGroupCallInvite { can_self_unmute: false, call: call.clone() })
        .await
        .unwrap();
    world.ask(ALICE, phone::GetGroupCallStreamChannels { call: call.clone() }).await.unwrap();
    let users = vec![tl::types::InputUser { user_id: BOB, access_hash: 0 }.into()];
    world.ask(ALICE, phone::InviteToGroupCall { call: call.clone(), users }).await.unwrap();
    let is_invite = |action: &_| matches!(action, tl::enums::MessageAction::InviteToGroupCall(_));
    assert!(world.rooms.messages().iter().any(is_invite));
    world.ask(ADMIN, phone::EditGroupCallTitle { call, title: "jazz".to_owned() }).await.unwrap();
    let Some(tl::enums::GroupCall::Call(seen)) = call_object(&world.rooms.take(BOB)[1..]) else {
        panic!()
    };
    assert!(seen.title.is_none() || seen.title.as_deref() == Some("jazz"));
}
