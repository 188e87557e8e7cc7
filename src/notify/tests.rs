use std::os::linux::net::SocketAddrExt as _;
use std::time::Instant;

use actors::Pulse;
use supervisor::{ChildSnapshot, Kind, MailboxSnapshot, Snapshot, State, TaskSnapshot};

use super::*;

fn child(path: &str, state: State, failures: u32) -> ChildSnapshot {
    ChildSnapshot {
        path: path.into(),
        kind: Kind::Worker,
        state,
        incarnation: 1,
        restarts: 0,
        failures,
        next_retry_in_ms: None,
        last_error: None,
        uptime_ms: None,
        mailbox: MailboxSnapshot {
            depth: 0,
            peak: 0,
            bound: 1,
            handled: 0,
            refused: 0,
            lost: 0,
            busy_for_ms: None,
        },
        tasks: TaskSnapshot { running: 0, started: 0, panicked: 0 },
    }
}

fn accounts(bot: State, assistant: State, failures: u32) -> Snapshot {
    Snapshot {
        children: vec![
            child("root", State::Ready, 0),
            child("root/assistants", State::Ready, 0),
            child("root/assistants/1", assistant, failures),
            child("root/chats/-100", State::Ready, 0),
            child("root/chats/-100/call", State::Ready, 0),
            child("root/bot", bot, 0),
        ],
    }
}

#[test]
fn start_up_is_over_when_every_account_is_up_or_in_its_supervisors_hands() {
    let early = Duration::from_secs(1);
    let rows = [
        (State::Ready, State::Ready, 0, true),
        (State::Starting, State::Ready, 0, false),
        (State::Ready, State::Starting, 0, false),
        (State::Ready, State::Waiting, 0, false),
        // it failed once and is tried again: degraded, and that is settled
        (State::Ready, State::Backoff, 1, true),
        (State::Ready, State::Starting, 1, true),
        (State::Parked, State::Parked, 0, true),
    ];
    for (bot, assistant, failures, expected) in rows {
        let snapshot = accounts(bot.clone(), assistant.clone(), failures);
        assert_eq!(is_settled(&snapshot, early), expected, "{bot:?} {assistant:?} {failures}");
    }
    assert!(!is_settled(&Snapshot { children: Vec::new() }, early), "nothing has begun");
    let hanging = accounts(State::Starting, State::Starting, 0);
    assert!(is_settled(&hanging, Duration::from_secs(60)), "nobody waits for ever");
}

#[test]
fn the_status_counts_and_names_who_is_not_well() {
    assert_eq!(status(1, &accounts(State::Ready, State::Ready, 0)), "1 playing, 2 sessions");
    assert_eq!(
        status(1, &accounts(State::Ready, State::Parked, 0)),
        "1 playing, 1 sessions; parked: root/assistants/1"
    );
}

#[test]
fn readiness_is_told_once_and_the_status_when_it_changed_and_not_too_often() {
    let mut herald = Herald::new();
    let at = Duration::from_millis;
    let view = |is_settled, status: &str| View { is_settled, status: status.into() };
    let says = |text: &str| Line::Status(text.into());
    assert_eq!(herald.look(view(false, "a"), at(0)), [says("a")]);
    assert_eq!(herald.look(view(false, "a"), at(5_000)), []);
    assert_eq!(herald.look(view(true, "b"), at(5_500)), [Line::Ready, says("b")]);
    assert_eq!(herald.look(view(true, "c"), at(6_000)), [], "too soon");
    assert_eq!(herald.look(view(true, "d"), at(7_500)), [says("d")]);
    assert_eq!(herald.look(view(true, "d"), at(60_000)), []);
}

#[test]
fn the_watchdog_is_told_only_while_everybody_gives_a_sign_of_life() {
    let mut watch = Watch::default();
    let silent = |who: &str| Pulse { silent: vec![who.into()] };
    assert_eq!(watch.pulse(&Pulse::default()), Some(Line::Watchdog));
    for who in ["root", "audio clock 0", "root/bot", "root/assistants/1"] {
        assert_eq!(watch.pulse(&silent(who)), None, "{who}");
    }
    assert_eq!(watch.pulse(&Pulse::default()), Some(Line::Watchdog), "it came back");
}

#[test]
fn draining_asks_for_more_time_than_it_needs() {
    let lines = Herald::new().draining("draining".into(), Duration::from_secs(12));
    let text: Vec<String> = lines.iter().map(Line::to_string).collect();
    assert_eq!(text, ["STOPPING=1", "STATUS=draining", "EXTEND_TIMEOUT_USEC=17000000"]);
}

#[test]
fn a_status_is_one_line_whatever_is_in_it() {
    assert_eq!(Line::Status("a\nWATCHDOG=1\r".into()).to_string(), "STATUS=a WATCHDOG=1 ");
}

#[test]
fn a_service_manager_that_does_not_read_blocks_nobody() {
    let folder = tempfile::tempdir().expect("the system has a temporary directory");
    let path = folder.path().join("notify");
    let _unread = UnixDatagram::bind(&path).expect("the path is free");
    let notify = Notify::to(path.into_os_string(), None).expect("somebody listens");
    let since = Instant::now();
    for _ in 0..10_000 {
        notify.send(&[Line::Watchdog]);
    }
    assert!(since.elapsed() < Duration::from_secs(5), "after {:?}", since.elapsed());
}

#[test]
fn names_in_the_abstract_namespace_are_reached() {
    let name = format!("armedmusic-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("the name is short");
    let socket = UnixDatagram::bind_addr(&address).expect("the name is free");
    let notify = Notify::to(format!("@{name}").into(), None).expect("somebody listens");
    notify.send(&[Line::Ready, Line::Status("1 playing".into())]);
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("sockets have timeouts");
    let mut buffer = [0; 256];
    let length = socket.recv(&mut buffer).expect("it comes");
    assert_eq!(&buffer[..length], b"READY=1\nSTATUS=1 playing\n");
}

#[test]
fn without_a_service_manager_nobody_is_told() {
    let notify = Notify::nobody();
    assert!(!notify.is_heard() && notify.watchdog().is_none());
    notify.send(&[Line::Ready]);
}
