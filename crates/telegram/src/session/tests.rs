use std::net::SocketAddr;

use grammers_client::session::Session as _;
use grammers_client::session::types::{
    DcOption, PeerAuth, PeerId, PeerInfo, UpdateState, UpdatesState,
};

use super::*;

fn string(seed: u8) -> Secret {
    let key = std::array::from_fn(|i| (i as u8).wrapping_mul(seed).wrapping_add(1));
    strings::telethon(2, "127.0.0.1:4430".parse().unwrap(), &key)
}

fn channel(id: i64, hash: i64) -> PeerInfo {
    PeerInfo::Channel { id, auth: Some(PeerAuth::from_hash(hash)), kind: None }
}

fn updates(pts: i32) -> UpdateState {
    UpdateState::All(UpdatesState { pts, qts: 1, date: 2, seq: 3, channels: Vec::new() })
}

async fn pts(session: &Session) -> i32 {
    session.memory().updates_state().await.unwrap().pts
}

#[tokio::test]
async fn a_restart_continues_where_the_file_left_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/assistant.json");
    let session = Session::import(&string(3), Some(&path)).unwrap();
    session.memory().set_update_state(updates(700)).await.unwrap();
    session.memory().cache_peer(channel(1234, 99)).await.unwrap();
    session.memory().lock().know_self(42, false);
    session.save().unwrap();
    drop(session);

    let session = Session::import(&string(3), Some(&path)).unwrap();
    assert_eq!(pts(&session).await, 700);
    assert_eq!(session.user_id(), Some(UserId(42)));
    let known = session.memory().peer(PeerId::channel(1234).unwrap()).await.unwrap().unwrap();
    assert_eq!(known.auth(), Some(PeerAuth::from_hash(99)));
    assert!(session.export() == Some(string(3)));
}

#[tokio::test]
async fn a_new_string_replaces_the_file_of_another_login() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assistant.json");
    let session = Session::import(&string(3), Some(&path)).unwrap();
    session.memory().set_update_state(updates(700)).await.unwrap();
    session.save().unwrap();
    drop(session);

    let session = Session::import(&string(5), Some(&path)).unwrap();
    assert_eq!(pts(&session).await, 0);
    assert!(session.export() == Some(string(5)));
}

#[test]
fn a_file_is_for_its_owner_and_for_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.json");
    let session = Session::import(&string(3), Some(&path)).unwrap();
    session.save().unwrap();
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(&path).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
    }
    let second = Session::open(Some(&path)).unwrap_err();
    assert_eq!(second.class, domain::Class::Transient, "the first one may go away");
    drop(session);
    assert!(Session::open(Some(&path)).is_ok());
}

#[test]
fn a_broken_file_is_refused_without_being_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.json");
    std::fs::write(&path, r#"{"version":"canary"}"#).unwrap();
    let fault = Session::open(Some(&path)).unwrap_err();
    assert_eq!(fault.class, domain::Class::Fatal);
    assert!(!fault.to_string().contains("canary"), "{fault}");
    std::fs::write(&path, r#"{"version":1,"home":2"#).unwrap();
    assert!(Session::open(Some(&path)).is_err());
}

#[test]
fn a_broken_file_of_a_login_that_is_known_otherwise_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assistant-1.json");
    for (n, damage) in [&b""[..], br#"{"version":1,"home":2"#, b"\0\0\0\0"].into_iter().enumerate()
    {
        std::fs::write(&path, damage).unwrap();
        let session = Session::import(&string(3), Some(&path)).unwrap();
        assert!(session.export() == Some(string(3)));
        let aside = folder.path().join(format!("assistant-1.json.broken-{}", n + 1));
        assert_eq!(std::fs::read(aside).unwrap(), damage);
    }
    std::fs::write(&path, br#"{"version":9}"#).unwrap();
    let newer = Session::import(&string(3), Some(&path));
    assert!(newer.is_ok() || path.exists(), "a newer version's file is not moved");
}

#[cfg(target_os = "linux")]
#[test]
fn a_login_is_for_one_process_wherever_its_files_are() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, n| {
        Session::import(&string(n), Some(&folder.path().join(name))).expect("the file is free")
    };
    let (first, second, other) = (at("a.json", 101), at("b.json", 101), at("c.json", 102));
    assert!(first.is_same_login(&second) && !first.is_same_login(&other));
    first.claim_login().expect("nobody has it");
    first.clone().claim_login().expect("it has it already");
    let fault = second.claim_login().expect_err("the first one is connected");
    assert_eq!(fault.class, domain::Class::Transient, "the first one may go away: {fault}");
    other.claim_login().expect("another login");
    drop(first);
    second.claim_login().expect("the first one is gone");
}

#[tokio::test]
async fn the_own_user_is_found_without_its_number() {
    let session = Session::import(&string(3), None).unwrap();
    assert!(session.memory().peer(PeerId::self_user()).await.unwrap().is_none());
    let own = PeerInfo::User {
        id: 77,
        auth: Some(PeerAuth::from_hash(5)),
        bot: Some(true),
        is_self: Some(true),
    };
    session.memory().cache_peer(own.clone()).await.unwrap();
    assert_eq!(session.memory().peer(PeerId::self_user()).await.unwrap(), Some(own));
    assert_eq!(session.user_id(), Some(UserId(77)));
}

#[tokio::test]
async fn a_pinned_address_outlives_telegrams_configuration() {
    let session = Session::import(&string(3), None).unwrap();
    let mine: SocketAddr = "127.0.0.1:5555".parse().unwrap();
    session.pin(&[(2, mine), (7, mine)]);
    let option = session.memory().dc_option(2).unwrap().unwrap();
    let told = DcOption { ipv4: "9.9.9.9:443".parse().unwrap(), ..option };
    session.memory().set_dc_option(&told).await.unwrap();
    assert_eq!(SocketAddr::V4(session.memory().dc_option(2).unwrap().unwrap().ipv4), mine);
    assert!(session.memory().dc_option(2).unwrap().unwrap().auth_key.is_some());
    let added = session.memory().dc_option(7).unwrap().unwrap();
    assert_eq!((SocketAddr::V4(added.ipv4), added.auth_key), (mine, None));
    let told = DcOption { id: 4, ..told };
    session.memory().set_dc_option(&told).await.unwrap();
    assert_eq!(
        session.memory().dc_option(4).unwrap().unwrap().ipv4,
        told.ipv4,
        "others follow Telegram"
    );
}

#[tokio::test]
async fn users_are_forgotten_before_chats() {
    let session = Session::import(&string(3), None).unwrap();
    session.memory().lock().know_self(1, false);
    session.memory().cache_peer(channel(1234, 99)).await.unwrap();
    for id in 1..=20_000 {
        let user =
            PeerInfo::User { id, auth: Some(PeerAuth::from_hash(id)), bot: None, is_self: None };
        session.memory().cache_peer(user).await.unwrap();
    }
    let state = session.memory().lock();
    assert!(state.peers.len() < 13_000, "{}", state.peers.len());
    assert!(
        state.peers.contains_key(&20_000) && state.peers.contains_key(&1),
        "the newest and the own"
    );
    assert!(!state.peers.contains_key(&2), "the oldest");
    assert!(state.peers.values().any(|peer| peer.info == channel(1234, 99)));
}

#[tokio::test]
async fn numbers_that_no_peer_has_are_ignored() {
    let session = Session::import(&string(3), None).unwrap();
    for info in [channel(-5, 1), PeerInfo::Chat { id: 0 }, channel(i64::MAX, 1)] {
        session.memory().cache_peer(info).await.unwrap();
    }
    assert!(session.memory().lock().peers.is_empty());
}

#[tokio::test]
async fn an_imported_key_is_never_replaced() {
    let session = Session::import(&string(3), None).unwrap();
    let option = session.memory().dc_option(2).unwrap().unwrap();
    let strange = DcOption { auth_key: Some([9; 256]), ..option.clone() };
    session.memory().set_dc_option(&strange).await.unwrap();
    assert_eq!(session.memory().dc_option(2).unwrap(), Some(option));
    let bot = Session::open(None).unwrap();
    bot.memory().set_dc_option(&strange).await.unwrap();
    assert_eq!(
        bot.memory().dc_option(2).unwrap().unwrap().auth_key,
        Some([9; 256]),
        "a bot makes its own"
    );
}

#[test]
fn a_sealed_session_is_read_with_its_key_alone_and_an_open_one_is_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.session.json");
    let key = |text: &str| Some(Vault::new(&Secret::new(text.repeat(16))).unwrap());
    let open = Session::open(Some(&path)).unwrap();
    open.memory().lock().keep_key(2, [7; 256]);
    open.save().unwrap();
    drop(open);
    assert!(std::fs::read_to_string(&path).unwrap().contains("0707"), "it lies there openly");
    let sealed = Session::open_sealed(Some(&path), key("ab")).unwrap();
    sealed.save().unwrap();
    drop(sealed);
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(4).any(|four| four == b"0707"), "nothing of the key is to be seen");
    let again = Session::open_sealed(Some(&path), key("ab")).unwrap();
    assert!(again.memory().lock().datacenters[&2].auth_key.is_some());
    drop(again);
    for wrong in [None, key("cd")] {
        let fault = Session::open_sealed(Some(&path), wrong).unwrap_err();
        assert_eq!(fault.class, domain::Class::Fatal);
        assert!(fault.detail.contains("STATE_KEY"), "{}", fault.detail);
    }
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "a wrong key changes nothing");
}

#[tokio::test(start_paused = true)]
async fn the_time_is_telegrams_and_goes_on_by_itself() {
    let session = Session::import(&string(3), None).unwrap();
    assert_eq!(session.time(), None, "nobody has told it");
    session.memory().told_time(1_000_000);
    tokio::time::advance(Duration::from_secs(3_600)).await;
    assert_eq!(session.time(), Some(Duration::from_secs(1_003_600)));
}
