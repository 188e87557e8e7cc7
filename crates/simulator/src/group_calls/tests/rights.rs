//! Who may ask what, and every refusal.

use super::*;

fn get(call: &InputGroupCall) -> phone::GetGroupCall {
    phone::GetGroupCall { call: call.clone(), limit: -1 }
}

fn create(schedule_date: Option<i32>) -> phone::CreateGroupCall {
    let peer = tl::types::InputPeerChannel { channel_id: 100, access_hash: 0 }.into();
    phone::CreateGroupCall { rtmp_stream: false, peer, random_id: 7, title: None, schedule_date }
}

#[tokio::test]
async fn a_bot_cannot_ask_about_group_calls() {
    let (world, call) = TestBox::ringing();
    assert_eq!(world.refused(BOT, get(&call)).await, "400 BOT_METHOD_INVALID");
    assert_eq!(world.refused(BOT, join(&call, &params(5))).await, "400 BOT_METHOD_INVALID");
}

#[tokio::test]
async fn other_methods_are_left_to_others() {
    let (world, _) = TestBox::ringing();
    assert!(world.calls.handle(ALICE, 1, &tl::functions::Ping { ping_id: 1 }.to_bytes()).is_none());
    assert!(world.calls.handle(ALICE, 1, &[1, 2]).is_none());
}

#[tokio::test]
async fn a_wrong_access_hash_is_an_invalid_call() {
    let (world, call) = TestBox::ringing();
    let InputGroupCall::Call(mut wrong) = call else { unreachable!() };
    wrong.access_hash += 1;
    let wrong: InputGroupCall = wrong.into();
    assert_eq!(world.refused(ALICE, get(&wrong)).await, "400 GROUPCALL_INVALID");
    assert_eq!(world.refused(ALICE, join(&wrong, &params(5))).await, "400 GROUPCALL_INVALID");
    let slug: InputGroupCall = tl::types::InputGroupCallSlug { slug: "a".to_owned() }.into();
    assert_eq!(world.refused(ALICE, get(&slug)).await, "400 GROUPCALL_INVALID");
}

#[tokio::test]
async fn a_call_that_ended_is_forbidden_even_when_another_goes_on() {
    let (world, old) = TestBox::ringing();
    world.calls.discard(CHAT);
    let new = world.start();
    assert_eq!(world.refused(ALICE, join(&old, &params(5))).await, "403 GROUPCALL_FORBIDDEN");
    assert_eq!(world.refused(ALICE, get(&old)).await, "403 GROUPCALL_FORBIDDEN");
    world.join(ALICE, &new, 5).await;
}

#[tokio::test]
async fn a_stranger_to_the_chat_is_forbidden() {
    let (world, call) = TestBox::ringing();
    assert_eq!(world.refused(STRANGER, join(&call, &params(5))).await, "403 GROUPCALL_FORBIDDEN");
}

#[tokio::test]
async fn bad_join_parameters_are_refused() {
    let (world, call) = TestBox::ringing();
    let check = async |change: &dyn Fn(&mut Value), expected: &str| {
        let mut params = params(5);
        change(&mut params);
        assert_eq!(world.refused(ALICE, join(&call, &params)).await, expected, "{params}");
    };
    check(&|p| *p = json!([]), "400 DATA_JSON_INVALID").await;
    check(&|p| p["ufrag"] = json!(null), "400 DATA_JSON_INVALID").await;
    check(&|p| p["pwd"] = json!(7), "400 DATA_JSON_INVALID").await;
    check(&|p| p["fingerprints"] = json!([]), "400 DATA_JSON_INVALID").await;
    check(&|p| p["fingerprints"][0]["setup"] = json!("maybe"), "400 DATA_JSON_INVALID").await;
    check(&|p| p["ssrc"] = json!(4_000_000_000_u32), "400 DATA_JSON_INVALID").await;
    check(&|p| p["ssrc"] = json!(null), "400 GROUPCALL_SSRC_DUPLICATE_MUCH").await;
    check(&|p| p["ssrc"] = json!(0), "400 GROUPCALL_SSRC_DUPLICATE_MUCH").await;
    let mut text = join(&call, &params(5));
    text.params = tl::types::DataJson { data: "{".to_owned() }.into();
    assert_eq!(world.refused(ALICE, text).await, "400 DATA_JSON_INVALID");
    assert!(world.calls.participants(CHAT).is_empty());
    let mut unusual = params(-5);
    unusual["later"] = json!({"unknown": true});
    world.ask(ALICE, join(&call, &unusual)).await.unwrap();
    assert_eq!(world.calls.participants(CHAT)[0].ssrc, (-5_i32) as u32);
}

#[tokio::test]
async fn a_source_in_use_is_refused() {
    let (world, call) = TestBox::ringing();
    world.join(ALICE, &call, 5).await;
    assert_eq!(
        world.refused(BOB, join(&call, &params(5))).await,
        "400 GROUPCALL_SSRC_DUPLICATE_MUCH"
    );
}

#[tokio::test]
async fn one_can_only_join_as_oneself_and_without_conference_keys() {
    let (world, call) = TestBox::ringing();
    let mut request = join(&call, &params(5));
    request.join_as = tl::types::InputPeerUser { user_id: BOB, access_hash: 0 }.into();
    assert_eq!(world.refused(ALICE, request).await, "400 JOIN_AS_PEER_INVALID");
    let mut request = join(&call, &params(5));
    (request.public_key, request.block) = (Some([0; 32]), Some(Vec::new()));
    assert_eq!(world.refused(ALICE, request).await, "400 CONF_WRITE_CHAIN_INVALID");
}

#[tokio::test]
async fn only_who_manages_calls_creates_and_ends_them() {
    let world = TestBox::new();
    assert_eq!(world.refused(ALICE, create(None)).await, "400 CHAT_ADMIN_REQUIRED");
    assert_eq!(world.refused(STRANGER, create(None)).await, "400 CHANNEL_PRIVATE");
    assert_eq!(world.refused(ADMIN, create(Some(5))).await, "400 SCHEDULE_DATE_INVALID");
    let mut nowhere = create(None);
    nowhere.peer = tl::enums::InputPeer::Empty;
    assert_eq!(world.refused(ADMIN, nowhere).await, "400 PEER_ID_INVALID");
    world.ask(ADMIN, create(None)).await.unwrap();
    assert_eq!(world.refused(ADMIN, create(None)).await, "400 CREATE_CALL_FAILED");
    let (id, access_hash) = world.calls.call_of(CHAT).unwrap();
    let call: InputGroupCall = tl::types::InputGroupCall { id, access_hash }.into();
    let discard = phone::DiscardGroupCall { call };
    assert_eq!(world.refused(ALICE, discard.clone()).await, "403 GROUPCALL_FORBIDDEN");
    world.ask(ADMIN, discard.clone()).await.unwrap();
    assert_eq!(world.refused(ADMIN, discard).await, "400 GROUPCALL_ALREADY_DISCARDED");
    assert_eq!(world.calls.call_of(CHAT), None);
}

#[tokio::test]
async fn a_scheduled_call_can_be_joined_once_it_started() {
    let world = TestBox::new();
    world.ask(ADMIN, create(Some(rooms::NOW + 60))).await.unwrap();
    let (id, access_hash) = world.calls.call_of(CHAT).unwrap();
    let call: InputGroupCall = tl::types::InputGroupCall { id, access_hash }.into();
    let tl::enums::phone::GroupCall::Call(seen) = world.ask(ALICE, get(&call)).await.unwrap();
    let tl::enums::GroupCall::Call(seen) = seen.call else { panic!("discarded") };
    assert_eq!(seen.schedule_date, Some(rooms::NOW + 60));
    assert_eq!(world.refused(ALICE, join(&call, &params(5))).await, "403 GROUPCALL_FORBIDDEN");
    let start = phone::StartScheduledGroupCall { call: call.clone() };
    assert_eq!(world.refused(ALICE, start.clone()).await, "400 CHAT_ADMIN_REQUIRED");
    world.ask(ADMIN, start.clone()).await.unwrap();
    assert_eq!(world.refused(ADMIN, start).await, "403 GROUPCALL_ALREADY_STARTED");
    world.join(ALICE, &call, 5).await;
}

#[tokio::test]
async fn faults_refuse_one_join_and_no_more() {
    let (world, call) = TestBox::ringing();
    let faults = [
        (Fault::AddParticipantsFailed, "500 GROUPCALL_ADD_PARTICIPANTS_FAILED"),
        (Fault::SsrcDuplicate, "400 GROUPCALL_SSRC_DUPLICATE_MUCH"),
        (Fault::FloodWait(7), "420 FLOOD_WAIT_7"),
    ];
    for (fault, expected) in faults {
        world.calls.inject(CHAT, fault);
        assert_eq!(world.refused(ALICE, join(&call, &params(5))).await, expected);
    }
    world.join(ALICE, &call, 5).await;
    world.calls.discard(CHAT);
    world.calls.inject(CHAT, Fault::FloodWait(3));
    let next = world.start();
    assert_eq!(world.refused(ALICE, join(&next, &params(5))).await, "420 FLOOD_WAIT_3");
}

#[tokio::test]
async fn who_is_not_in_the_call_is_told_so() {
    let (world, call) = TestBox::ringing();
    let check = phone::CheckGroupCall { call: call.clone(), sources: vec![5] };
    assert_eq!(world.refused(ALICE, check).await, "400 GROUPCALL_JOIN_MISSING");
    assert_eq!(world.refused(ALICE, edit(&call, ALICE)).await, "403 GROUPCALL_FORBIDDEN");
    let data = tl::types::DataJson { data: params(6).to_string() };
    let present = phone::JoinGroupCallPresentation { call: call.clone(), params: data.into() };
    assert_eq!(world.refused(ALICE, present).await, "403 PARTICIPANT_JOIN_MISSING");
    let stop = phone::LeaveGroupCallPresentation { call: call.clone() };
    assert_eq!(world.refused(ALICE, stop).await, "403 PARTICIPANT_JOIN_MISSING");
    let channels = phone::GetGroupCallStreamChannels { call: call.clone() };
    assert_eq!(world.refused(ALICE, channels).await, "400 GROUPCALL_JOIN_MISSING");
    world.join(ALICE, &call, 5).await;
    assert_eq!(world.refused(ALICE, edit(&call, BOB)).await, "400 PARTICIPANT_JOIN_MISSING");
}

#[tokio::test]
async fn edits_beyond_ones_rights_are_refused() {
    let (world, call) = TestBox::ringing();
    world.join(ALICE, &call, 5).await;
    world.join(BOB, &call, 6).await;
    let refused = async |user, target, change: &dyn Fn(&mut phone::EditGroupCallParticipant)| {
        let mut request = edit(&call, target);
        change(&mut request);
        world.refused(user, request).await
    };
    for volume in [0, 20_001, -1] {
        assert_eq!(
            refused(ALICE, BOB, &|r| r.volume = Some(volume)).await,
            "400 USER_VOLUME_INVALID"
        );
    }
    assert_eq!(
        refused(ALICE, BOB, &|r| r.video_stopped = Some(true)).await,
        "400 VIDEO_STOP_FORBIDDEN"
    );
    assert_eq!(
        refused(ALICE, BOB, &|r| r.video_paused = Some(true)).await,
        "400 VIDEO_PAUSE_FORBIDDEN"
    );
    assert_eq!(
        refused(ALICE, BOB, &|r| r.raise_hand = Some(true)).await,
        "400 RAISE_HAND_FORBIDDEN"
    );
    assert_eq!(
        refused(ALICE, ALICE, &|r| r.raise_hand = Some(true)).await,
        "400 RAISE_HAND_FORBIDDEN"
    );
    world.calls.force_mute(CHAT, ALICE);
    assert_eq!(refused(ALICE, ALICE, &|r| r.muted = Some(false)).await, "403 GROUPCALL_FORBIDDEN");
    assert_eq!(refused(ALICE, ALICE, &|r| r.raise_hand = Some(true)).await, "not refused");
    let toggle = phone::ToggleGroupCallSettings {
        reset_invite_hash: false,
        call: call.clone(),
        join_muted: Some(false),
        messages_enabled: None,
        send_paid_messages_stars: None,
    };
    assert_eq!(world.refused(ALICE, toggle.clone()).await, "400 CHAT_ADMIN_REQUIRED");
    assert_eq!(world.refused(ADMIN, toggle).await, "400 GROUPCALL_NOT_MODIFIED");
}
