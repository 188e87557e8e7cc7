use std::time::Duration;

use domain::event::{By, Via};
use domain::permission::Standing;
use domain::track::{Location, Requester, Track};
use domain::{Reason, UserId};

use super::*;

const LIFE: Generation = Generation(9);

struct Desk {
    texts: Texts,
    seal: Seal,
    book: Book,
    is_kept: bool,
}

// === impl Desk ===

impl Desk {
    fn new() -> Desk {
        Desk {
            texts: Texts::embedded(),
            seal: Seal::new(&[3; 32]),
            book: Book::new(Language::En),
            is_kept: true,
        }
    }

    fn tell(&mut self, event: Event) -> Vec<Job> {
        self.tell_in(LIFE, event)
    }

    fn tell_in(&mut self, generation: Generation, event: Event) -> Vec<Job> {
        let ink =
            Ink { texts: &self.texts, seal: &self.seal, chat: ChatId(-1), is_kept: self.is_kept };
        self.book.tell(generation, event, ink)
    }

    fn accepted(&mut self, entry: u64) -> Vec<Job> {
        self.tell(Event::Accepted { entry: EntryId(entry), asked_in: MessageId(entry as i32) })
    }

    fn sounds(&mut self, entry: u64) -> Vec<Job> {
        self.tell(Event::NowPlaying(Box::new(NowPlaying {
            entry: EntryId(entry),
            attempt: Attempt(entry),
            asked_in: MessageId(entry as i32),
            track: track(),
            requester: Requester { id: UserId(1), name: "Ann".into() },
            duration: Some(Duration::from_secs(60)),
            n_waiting: 0,
        })))
    }
}

fn track() -> Track {
    let location = Location::File("/x".into());
    Track {
        title: "Song".into(),
        artist: None,
        duration: None,
        location,
        source: "files",
        link: None,
        is_live: false,
    }
}

fn by(via: Via) -> By {
    let user = UserId(1);
    let standing = Standing {
        user,
        is_anonymous_admin: false,
        is_admin: true,
        is_owner: false,
        is_requester: false,
    };
    By { name: "Ann".into(), standing, via }
}

fn texts(jobs: &[Job]) -> Vec<&str> {
    jobs.iter()
        .filter_map(|job| match job {
            Job::Send { saying, .. } | Job::Edit { saying, .. } => Some(saying.html.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn the_answer_of_a_request_that_sounds_at_once_becomes_the_panel() {
    let mut desk = Desk::new();
    let jobs = desk.accepted(1);
    assert!(matches!(
        jobs[..],
        [Job::Send { key: Some(Key::Status(EntryId(1))), reply_to: Some(MessageId(1)), .. }]
    ));
    let jobs = desk.sounds(1);
    let (from, to) = (Key::Status(EntryId(1)), Key::Panel(Attempt(1)));
    assert_eq!(jobs[0], Job::Rename { from, to });
    let Job::Edit { key, saying, .. } = &jobs[1] else { panic!("{jobs:?}") };
    assert_eq!((*key, saying.buttons.len()), (to, 3));
}

#[test]
fn a_queued_track_gets_a_panel_of_its_own_when_it_sounds() {
    let mut desk = Desk::new();
    desk.accepted(1);
    desk.sounds(1);
    desk.accepted(2);
    let requester = Requester { id: UserId(1), name: "Ann".into() };
    let queued = Event::Queued {
        entry: EntryId(2),
        asked_in: MessageId(2),
        track: track(),
        place: 1,
        requester,
    };
    let jobs = desk.tell(queued);
    assert!(matches!(jobs[..], [Job::Edit { .. }, Job::Forget { .. }]));
    assert!(!texts(&jobs)[0].contains("restart"), "{jobs:?}");
    let jobs = desk.sounds(2);
    assert!(texts(&jobs)[0].contains("Played"), "the old panel is closed: {jobs:?}");
    assert!(matches!(jobs.last(), Some(Job::Send { key: Some(Key::Panel(Attempt(2))), .. })));
}

#[test]
fn what_cannot_be_written_down_is_not_promised() {
    let mut desk = Desk { is_kept: false, ..Desk::new() };
    desk.accepted(1);
    let requester = Requester { id: UserId(1), name: "Ann".into() };
    let (entry, asked_in) = (EntryId(1), MessageId(1));
    let jobs = desk.tell(Event::Queued { entry, asked_in, track: track(), place: 1, requester });
    let text = &texts(&jobs)[0];
    assert!(text.contains("Number 1") && text.contains("a restart would forget it"), "{text}");
}

#[test]
fn a_button_is_answered_with_a_toast_and_a_command_with_a_message() {
    let mut desk = Desk::new();
    desk.sounds(1);
    let position = Duration::from_secs(3);
    let typed = desk.tell(Event::Paused {
        attempt: Attempt(1),
        by: by(Via::Message(MessageId(5))),
        position,
    });
    assert!(matches!(
        typed[..],
        [Job::Edit { .. }, Job::Send { reply_to: Some(MessageId(5)), .. }]
    ));
    let pressed =
        desk.tell(Event::Resumed { attempt: Attempt(1), by: by(Via::Button(77)), position });
    assert!(matches!(pressed.last(), Some(Job::Toast { query: 77, is_alert: false, .. })));
}

#[test]
fn a_refusal_by_button_is_plain_text() {
    let mut desk = Desk::new();
    let jobs = desk.tell(Event::NothingPlaying { by: by(Via::Button(7)) });
    let [Job::Toast { text, is_alert: true, .. }] = &jobs[..] else { panic!("{jobs:?}") };
    assert!(text.contains("/play") && !text.contains('<'), "{text}");
}

#[test]
fn a_call_that_fails_leaves_no_message_looking_busy() {
    let mut desk = Desk::new();
    desk.accepted(1);
    desk.accepted(2);
    let fault = Fault::refused(Reason::NoVoiceChat, "none");
    let jobs = desk.tell(Event::CallFailed { fault, n_dropped: 1 });
    assert!(texts(&jobs)[0].contains("No voice chat is on"), "{jobs:?}");
    assert_eq!(jobs.iter().filter(|job| matches!(job, Job::Forget { .. })).count(), 2);
}

#[test]
fn every_rejection_says_what_to_do() {
    let mut desk = Desk::new();
    desk.accepted(1);
    let fault = Fault::refused(Reason::NotAudio, "text/html");
    let rejected = Event::Rejected { entry: Some(EntryId(1)), asked_in: MessageId(1), fault };
    let jobs = desk.tell(rejected);
    assert!(texts(&jobs)[0].contains("direct link"), "{jobs:?}");
}

#[test]
fn a_station_names_its_songs_before_and_while_it_sounds() {
    let mut desk = Desk::new();
    let titled = |title: &str| Event::Titled { attempt: Attempt(1), title: title.to_owned() };
    assert_eq!(desk.tell(titled("First")), [], "nothing sounds yet");
    let jobs = desk.sounds(1);
    assert!(texts(&jobs)[0].contains("🎵 First"), "{jobs:?}");
    let jobs = desk.tell(titled("Second"));
    assert!(texts(&jobs)[0].contains("🎵 Second"), "{jobs:?}");
    let other = Event::Titled { attempt: Attempt(7), title: "Other".to_owned() };
    assert_eq!(desk.tell(other), [], "another track's");
}

#[test]
fn another_life_of_the_player_starts_a_clean_page() {
    let mut desk = Desk::new();
    desk.sounds(1);
    let progress =
        Event::Progress { attempt: Attempt(1), position: Duration::ZERO, is_paused: false };
    assert_eq!(desk.tell(progress.clone()).len(), 1);
    assert_eq!(desk.tell_in(Generation(10), progress), []);
    assert_eq!(desk.book.generation(), Generation(10));
}

#[test]
fn the_song_of_a_station_is_not_shown_for_what_the_next_player_plays() {
    let mut desk = Desk::new();
    desk.accepted(1);
    desk.tell(Event::Titled { attempt: Attempt(1), title: "Blue Hour".into() });
    assert!(texts(&desk.sounds(1)).iter().any(|text| text.contains("Blue Hour")));
    desk.tell(Event::Titled { attempt: Attempt(1), title: "Red Hour".into() });
    // the same number in another life, before or after its panel is there
    desk.tell_in(Generation(10), Event::Finished);
    let now = NowPlaying {
        entry: EntryId(1),
        attempt: Attempt(1),
        asked_in: MessageId(1),
        track: track(),
        requester: Requester { id: UserId(1), name: "Ann".into() },
        duration: Some(Duration::from_secs(60)),
        n_waiting: 0,
    };
    let jobs = desk.tell_in(Generation(10), Event::NowPlaying(Box::new(now)));
    assert!(texts(&jobs).iter().all(|text| !text.contains("Hour")), "{jobs:?}");
    // a title that is named and never heard is not the next life's either
    desk.tell_in(Generation(10), Event::Titled { attempt: Attempt(2), title: "Green Hour".into() });
    let jobs = desk.sounds(2);
    assert!(texts(&jobs).iter().all(|text| !text.contains("Hour")), "{jobs:?}");
}
