use super::*;

const ALL: Rules = Rules { is_live_allowed: true, is_explicit_allowed: true, duration_max: None };

fn hit(title: &str, artist: &str, seconds: u64) -> Candidate {
    Candidate {
        title: title.into(),
        artist: (!artist.is_empty()).then(|| artist.to_owned()),
        duration: (seconds > 0).then(|| Duration::from_secs(seconds)),
        is_live: false,
        is_explicit: None,
        is_preview: false,
        key: title.into(),
        link: None,
    }
}

fn typed(words: &str) -> Wanted {
    Wanted::Words(words.into())
}

fn described(title: &str, artist: &str, seconds: u64) -> Wanted {
    let artist = (!artist.is_empty()).then(|| artist.to_owned());
    let duration = (seconds > 0).then(|| Duration::from_secs(seconds));
    Wanted::Track { title: title.into(), artist, duration }
}

fn chosen(wanted: &Wanted, hits: &[Candidate]) -> Option<String> {
    best(wanted, hits, ALL).map(|(at, _)| hits[at].title.clone())
}

#[test]
fn the_song_itself_is_chosen_before_its_other_versions() {
    let hits = [
        hit("Blinding Lights (Live at the Bowl)", "The Weeknd", 240),
        hit("Blinding Lights - Nightcore", "Speedy", 160),
        hit("Blinding Lights (8D Audio)", "8D Tunes", 201),
        hit("Blinding Lights (sped up)", "xxtristanxo", 170),
        hit("Blinding Lights (Cover)", "Somebody", 190),
        hit("Blinding Lights (Chromatics Remix)", "The Weeknd", 243),
        hit("The Weeknd - Blinding Lights (Official Video)", "TheWeekndVEVO", 202),
    ];
    let the_song = Some("The Weeknd - Blinding Lights (Official Video)".to_owned());
    assert_eq!(chosen(&typed("the weeknd blinding lights"), &hits), the_song);
    assert_eq!(chosen(&described("Blinding Lights", "The Weeknd", 200), &hits), the_song);
}

#[test]
fn who_types_a_version_gets_it() {
    let hits = [
        hit("Blinding Lights", "The Weeknd", 200),
        hit("Blinding Lights (Live)", "The Weeknd", 240),
        hit("Blinding Lights Nightcore", "Speedy", 160),
    ];
    assert_eq!(chosen(&typed("blinding lights live"), &hits), Some(hits[1].title.clone()));
    assert_eq!(chosen(&typed("blinding lights nightcore"), &hits), Some(hits[2].title.clone()));
}

#[test]
fn a_loop_of_ten_hours_is_never_a_song_of_three_minutes() {
    let hits = [hit("Halo - Beyonce [10 hours]", "Loops", 36_000)];
    assert_eq!(chosen(&typed("beyonce halo"), &hits), None);
    assert_eq!(chosen(&described("Halo", "Beyoncé", 200), &hits), None);
    let unnamed = [hit("Beyonce - Halo", "Loops", 36_000)];
    assert_eq!(chosen(&described("Halo", "Beyoncé", 0), &unnamed), None);
    assert!(chosen(&typed("halo 10 hours"), &hits).is_some(), "it was asked for");
}

#[test]
fn a_preview_is_never_chosen_and_said_to_be_one() {
    let mut hits = [hit("Halo", "Beyoncé", 30)];
    hits[0].is_preview = true;
    assert_eq!(chosen(&typed("beyonce halo"), &hits), None);
    assert_eq!(why_none(&typed("beyonce halo"), &hits, ALL).reason, Reason::Preview);
    // and half a minute of a song is not the song, whether the service says so or not
    hits[0].is_preview = false;
    assert_eq!(chosen(&described("Halo", "Beyoncé", 261), &hits), None);
}

#[test]
fn what_is_not_allowed_here_is_not_chosen_and_the_reason_told() {
    let mut live = hit("Jazz Radio", "", 0);
    live.is_live = true;
    let mut explicit = hit("Jazz Radio", "", 100);
    explicit.is_explicit = Some(true);
    let long = hit("Jazz Radio", "", 1_000);
    let rules = Rules {
        is_live_allowed: false,
        is_explicit_allowed: false,
        duration_max: Some(Duration::from_secs(600)),
    };
    for (one, reason) in
        [(live, Reason::LiveOff), (explicit, Reason::ExplicitOff), (long, Reason::TooLong)]
    {
        let hits = [one];
        assert_eq!(best(&typed("jazz radio"), &hits, rules), None);
        assert_eq!(why_none(&typed("jazz radio"), &hits, rules).reason, reason);
        assert!(best(&typed("jazz radio"), &hits, ALL).is_some());
    }
    assert_eq!(why_none(&typed("jazz radio"), &[], rules).reason, Reason::NotFound);
}

#[test]
fn names_are_found_in_any_script_accent_and_with_a_slip() {
    let hits = [hit("Группа крови", "Кино", 285), hit("Déjà Vu", "Beyoncé", 240)];
    for (words, at) in [
        ("gruppa krovi", 0),
        ("КИНО группа крови", 0),
        ("kino grupa krovi", 0),
        ("deja vu beyonce", 1),
        ("DEJA VU BEYONSE", 1),
    ] {
        assert_eq!(chosen(&typed(words), &hits), Some(hits[at].title.clone()), "{words}");
    }
}

#[test]
fn something_else_is_not_taken_for_what_was_asked() {
    let hits = [hit("Yesterday", "The Beatles", 125), hit("Let It Be", "The Beatles", 243)];
    assert_eq!(chosen(&typed("metallica nothing else matters"), &hits), None);
    assert_eq!(chosen(&described("Yesterday", "Atmosphere", 120), &hits), None);
    assert_eq!(chosen(&described("Yesterday", "The Beatles", 200), &hits), None, "too short");
    assert!(chosen(&described("Yesterday - Remastered", "The Beatles", 126), &hits).is_some());
}

#[test]
fn the_closest_length_decides_and_of_equals_the_first() {
    let hits =
        [hit("Halo", "Beyoncé", 270), hit("Halo", "Beyoncé", 261), hit("Halo", "Beyoncé", 262)];
    let (at, _) = best(&described("Halo", "Beyoncé", 261), &hits, ALL).unwrap();
    assert_eq!(at, 1);
    let order: Vec<usize> =
        ranked(&described("Halo", "Beyoncé", 261), &hits, ALL).iter().map(|(at, _)| *at).collect();
    assert_eq!(order, [1, 2, 0]);
}
