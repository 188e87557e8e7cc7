use grammers_client::tl::Serializable as _;

use super::*;

const CALL: CallId = CallId { id: 0x1122_3344, access_hash: -5 };

fn input() -> tl::enums::InputGroupCall {
    tl::types::InputGroupCall { id: CALL.id, access_hash: CALL.access_hash }.into()
}

/// A group call of which only what matters is set.
fn call(version: i32) -> tl::types::GroupCall {
    let mut bytes = Vec::new();
    0_u32.serialize(&mut bytes);
    CALL.id.serialize(&mut bytes);
    CALL.access_hash.serialize(&mut bytes);
    3_i32.serialize(&mut bytes);
    30_i32.serialize(&mut bytes);
    version.serialize(&mut bytes);
    tl::types::GroupCall::from_bytes(&bytes).unwrap()
}

fn participant(is_self: bool, source: i32, left: bool) -> tl::enums::GroupCallParticipant {
    let mut bytes = Vec::new();
    0_u32.serialize(&mut bytes);
    tl::enums::Peer::from(tl::types::PeerUser { user_id: 42 }).serialize(&mut bytes);
    1_i32.serialize(&mut bytes);
    source.serialize(&mut bytes);
    let bare = tl::types::GroupCallParticipant::from_bytes(&bytes).unwrap();
    tl::types::GroupCallParticipant {
        is_self,
        left,
        muted: true,
        just_joined: !left,
        versioned: true,
        ..bare
    }
    .into()
}

fn connection(params: &str, presentation: bool) -> tl::enums::Update {
    let params = tl::types::DataJson { data: params.to_owned() }.into();
    tl::types::UpdateGroupCallConnection { presentation, params }.into()
}

fn people(participants: Vec<tl::enums::GroupCallParticipant>, version: i32) -> tl::enums::Update {
    tl::types::UpdateGroupCallParticipants { call: input(), participants, version }.into()
}

fn changed(call: tl::types::GroupCall) -> tl::enums::Update {
    tl::types::UpdateGroupCall { live_story: false, peer: None, call: call.into() }.into()
}

#[test]
fn the_parts_of_joining_are_found_in_any_order() {
    let parts = [
        changed(call(9)),
        people(vec![participant(false, 1, false), participant(true, -2, false)], 10),
        connection("{\"screen\":1}", true),
        connection("{\"transport\":{}}", false),
    ];
    for turn in 0..parts.len() {
        let mut updates = parts.to_vec();
        updates.rotate_left(turn);
        for updates in [updates.clone(), updates.into_iter().rev().collect()] {
            let outcome = join_outcome(&updates).unwrap();
            assert_eq!(outcome.params, "{\"transport\":{}}");
            assert_eq!(outcome.version, Some(10));
            assert_eq!(outcome.details.unwrap().version, 9);
            let own = outcome.own.unwrap();
            assert_eq!((own.is_self, own.ssrc, own.user), (true, 0xFFFF_FFFE, Some(UserId(42))));
            assert!(own.is_muted && !own.can_self_unmute && own.just_joined && own.is_versioned);
        }
    }
}

#[test]
fn the_living_own_row_is_taken() {
    let updates = [
        people(vec![participant(true, 7, false), participant(true, 6, true)], 4),
        connection("{}", false),
    ];
    let outcome = join_outcome(&updates).unwrap();
    assert_eq!(outcome.own.unwrap().ssrc, 7);
}

#[test]
fn joining_without_parameters_is_no_joining() {
    assert_eq!(join_outcome(&[people(Vec::new(), 1), connection("{}", true)]), None);
    assert_eq!(join_outcome(&[]), None);
}

#[test]
fn a_call_is_found_in_an_answer_of_another_layer() {
    let mut answer = Vec::new();
    tl::types::messages::ChatFull::CONSTRUCTOR_ID.serialize(&mut answer);
    0x52d6_806b_u32.serialize(&mut answer);
    0x0020_0000_u32.serialize(&mut answer);
    "about".to_owned().serialize(&mut answer);
    assert_eq!(scan_for_calls(&answer), []);
    input().serialize(&mut answer);
    input().serialize(&mut answer);
    assert_eq!(scan_for_calls(&answer), [CALL], "twice the same is one");
    let other = CallId { id: 9, access_hash: 9 };
    let input = tl::types::InputGroupCall { id: other.id, access_hash: other.access_hash };
    tl::enums::InputGroupCall::from(input).serialize(&mut answer);
    assert_eq!(scan_for_calls(&answer), [CALL, other], "the one asked about first comes first");
    assert_eq!(scan_for_calls(&answer[..answer.len() - 4]), [CALL], "cut in the middle");
    assert_eq!(scan_for_calls(&[]), []);
}

#[test]
fn connection_parameters_are_found_beside_something_unknown() {
    let mut answer = 0x52d6_806b_u32.to_le_bytes().to_vec();
    connection("{\"screen\":1}", true).serialize(&mut answer);
    connection("{\"transport\":{}}", false).serialize(&mut answer);
    assert_eq!(scan_for_connection(&answer).unwrap().params, "{\"transport\":{}}");
    assert_eq!(scan_for_connection(&answer[..8]), None);
}

#[test]
fn a_chat_and_its_call_are_remembered_both_ways() {
    let mut seen = SeenCalls::default();
    let (chat, next) = (ChatId(-5), CallId { id: 2, access_hash: 2 });
    seen.note(chat, CALL);
    assert_eq!((seen.call_of(chat), seen.chat_of(CALL)), (Some(CALL), Some(chat)));
    seen.note(chat, next);
    assert_eq!((seen.call_of(chat), seen.chat_of(CALL)), (Some(next), None));
    seen.forget(CALL);
    assert_eq!(seen.call_of(chat), Some(next), "old news about an older call");
    seen.forget(next);
    assert_eq!((seen.call_of(chat), seen.chat_of(next)), (None, None));
}

#[test]
fn a_scheduled_call_says_when() {
    let scheduled = tl::types::GroupCall { schedule_date: Some(1_700_000_000), ..call(1) };
    assert_eq!(details_of(&scheduled).scheduled, Some(Duration::from_secs(1_700_000_000)));
    assert_eq!(details_of(&call(1)).scheduled, None);
    assert_eq!(details_of(&call(1)).id, CALL);
}
