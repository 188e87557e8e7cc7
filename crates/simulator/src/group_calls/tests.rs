//! The phone.* methods against rooms of a few members, with the media server running.

mod rights;
mod rooms;
mod rows;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use grammers_tl_types as tl;
use serde_json::{Value, json};
use tl::enums::{InputGroupCall, Update, Updates};
use tl::functions::phone;
use tl::{Deserializable, RemoteCall, Serializable};

use self::rooms::{CHAT, FakeRooms};
use super::*;
use crate::sfu::SfuSettings;

const SOON: Duration = Duration::from_secs(20);
const ADMIN: i64 = 1;
const ALICE: i64 = 2;
const BOB: i64 = 3;
const BOT: i64 = 4;
const STRANGER: i64 = 5;

/// A chat with an administrator, two members and a bot.
struct TestBox {
    calls: GroupCalls,
    rooms: Arc<FakeRooms>,
}

impl TestBox {
    fn new() -> TestBox {
        TestBox::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut SfuSettings)) -> TestBox {
        let mut settings = SfuSettings::loopback();
        change(&mut settings);
        let rooms = Arc::new(FakeRooms::new());
        let weak: Weak<FakeRooms> = Arc::downgrade(&rooms);
        let calls = GroupCalls::new(weak, Sfu::start(settings).unwrap(), Settings::prompt());
        TestBox { calls, rooms }
    }

    /// A box with a call going on.
    fn ringing() -> (TestBox, InputGroupCall) {
        let world = TestBox::new();
        let call = world.start();
        (world, call)
    }

    fn start(&self) -> InputGroupCall {
        let (id, access_hash) = self.calls.start_call(CHAT);
        tl::types::InputGroupCall { id, access_hash }.into()
    }

    async fn ask<R: RemoteCall>(&self, user: i64, request: R) -> Result<R::Return, (i32, String)> {
        match self.calls.handle(user, user * 10, &request.to_bytes()).unwrap().await {
            Answer::Result(bytes) => Ok(R::Return::from_bytes(&bytes).unwrap()),
            Answer::Error { code, name } => Err((code, name)),
            Answer::Never => panic!("no answer"),
        }
    }

    async fn refused<R: RemoteCall>(&self, user: i64, request: R) -> String {
        match self.ask(user, request).await {
            Ok(_) => "not refused".to_owned(),
            Err((code, name)) => format!("{code} {name}"),
        }
    }

    async fn join(&self, user: i64, call: &InputGroupCall, ssrc: i32) -> Vec<Update> {
        updates(self.ask(user, join(call, &params(ssrc))).await.unwrap())
    }

    fn version(&self) -> i32 {
        self.calls.state().live(CHAT).unwrap().version
    }
}

/// Join parameters that would work if anybody sent STUN.
fn params(ssrc: i32) -> Value {
    json!({
        "ufrag": "abcd", "pwd": "0123456789abcdefghijklmn", "ssrc": ssrc, "ssrc-groups": [],
        "fingerprints": [{"hash": "sha-256", "setup": "passive", "fingerprint": vec!["AB"; 32].join(":")}],
    })
}

fn join(call: &InputGroupCall, params: &Value) -> phone::JoinGroupCall {
    phone::JoinGroupCall {
        muted: false,
        video_stopped: true,
        call: call.clone(),
        join_as: tl::enums::InputPeer::PeerSelf,
        invite_hash: None,
        public_key: None,
        block: None,
        params: tl::types::DataJson { data: params.to_string() }.into(),
    }
}

fn edit(call: &InputGroupCall, participant: i64) -> phone::EditGroupCallParticipant {
    phone::EditGroupCallParticipant {
        call: call.clone(),
        participant: tl::types::InputPeerUser { user_id: participant, access_hash: 0 }.into(),
        muted: None,
        volume: None,
        raise_hand: None,
        video_stopped: None,
        video_paused: None,
        presentation_paused: None,
    }
}

fn updates(updates: Updates) -> Vec<Update> {
    let Updates::Updates(updates) = updates else { panic!("not updates: {updates:?}") };
    updates.updates
}

/// The participants' rows among updates, with the version of their batch.
fn rows(updates: &[Update]) -> Vec<(tl::types::GroupCallParticipant, i32)> {
    let mut rows = Vec::new();
    for update in updates {
        if let Update::GroupCallParticipants(batch) = update {
            for row in &batch.participants {
                let tl::enums::GroupCallParticipant::Participant(row) = row;
                rows.push((row.clone(), batch.version));
            }
        }
    }
    rows
}

fn connection(updates: &[Update]) -> Option<Value> {
    updates.iter().find_map(|update| match update {
        Update::GroupCallConnection(connection) => {
            let tl::enums::DataJson::Json(json) = &connection.params;
            Some(serde_json::from_str(&json.data).unwrap())
        }
        _ => None,
    })
}

fn call_object(updates: &[Update]) -> Option<tl::enums::GroupCall> {
    updates.iter().find_map(|update| match update {
        Update::GroupCall(update) => Some(update.call.clone()),
        _ => None,
    })
}
