use super::*;

const MS: Duration = Duration::from_millis(1);

fn seats(p95: &[Option<u32>]) -> Vec<Seat> {
    let seat = |(at, p95): (usize, &Option<u32>)| Seat {
        who: format!("s{at}"),
        p95: p95.map(|p95| p95 * MS),
        is_doubtful: false,
    };
    p95.iter().enumerate().map(seat).collect()
}

fn inquiry(p95: &[Option<u32>]) -> Inquiry {
    Inquiry::new(Settings::STANDARD, Step::Search, seats(p95))
}

fn unreachable() -> Fault {
    Fault::transient(Reason::Unreachable, "refused")
}

/// Begins, and lets time pass until `until` with nobody answering; says who was asked when.
fn silence(inquiry: &mut Inquiry, until: Duration) -> Vec<(u64, usize)> {
    let mut asked = Vec::new();
    let mut now = Duration::ZERO;
    let mut effects = inquiry.handle(Input::Begin, now);
    loop {
        for effect in &effects {
            if let Effect::Ask(seat) = effect {
                asked.push((ms(now), *seat));
            }
        }
        match inquiry.wakes_at().filter(|at| *at <= until) {
            Some(at) => now = at,
            None => return asked,
        }
        effects = inquiry.handle(Input::Woke, now);
    }
}

#[test]
fn the_next_is_asked_after_the_usual_time_of_the_one_before() {
    let mut inquiry = inquiry(&[Some(800), None, Some(10)]);
    assert_eq!(inquiry.handle(Input::Begin, Duration::ZERO), [Effect::Ask(0)]);
    assert_eq!(inquiry.wakes_at(), Some(800 * MS));
    assert_eq!(inquiry.handle(Input::Woke, 799 * MS), [], "too early");
    assert_eq!(inquiry.handle(Input::Woke, 800 * MS), [Effect::Ask(1)]);
    // its usual time is unknown: a second, shared by the two that are silent
    assert_eq!(inquiry.wakes_at(), Some(1_300 * MS));
    assert_eq!(inquiry.handle(Input::Woke, 1_300 * MS), [Effect::Ask(2)]);
}

#[test]
fn nine_that_hang_cost_seconds_and_not_their_deadlines() {
    let asked = silence(&mut inquiry(&[None; 10]), 10_000 * MS);
    assert_eq!(asked.len(), 10);
    assert!(asked[9].0 < 4_000, "{asked:?}");
    let never_seconds = silence(&mut inquiry(&[Some(60_000), None]), 10_000 * MS);
    assert_eq!(never_seconds, [(0, 0), (5_000, 1)], "patience has a bound above");
    let hasty = silence(&mut inquiry(&[Some(1), None]), 10_000 * MS);
    assert_eq!(hasty, [(0, 0), (250, 1)], "and one below");
}

#[test]
fn whoever_failed_lately_is_tried_for_moments_unless_it_alone_can_answer() {
    let doubtful = |p95: &[Option<u32>]| {
        let doubt = |seat| Seat { is_doubtful: true, ..seat };
        let seats = seats(p95).into_iter().map(doubt).collect();
        Inquiry::new(Settings::STANDARD, Step::Search, seats)
    };
    let mut ten = doubtful(&[None; 10]);
    let asked = silence(&mut ten, 60_000 * MS);
    assert_eq!((asked.len(), asked[9].0), (10, 2_250), "{asked:?}");
    let rows = ten.into_timeline().0;
    let over = rows.iter().map(|row| row.at_ms + row.took_ms).max();
    assert_eq!(over, Some(7_250), "ten that hang do not cost half a minute each time");
    let mut slow = doubtful(&[Some(6_000), None]);
    silence(&mut slow, 60_000 * MS);
    assert_eq!(slow.into_timeline().0[0].took_ms, 12_000, "twice its usual time");
    let mut alone = doubtful(&[None]);
    silence(&mut alone, 60_000 * MS);
    assert_eq!(alone.into_timeline().0[0].took_ms, 30_000);
}

#[test]
fn a_failure_asks_the_next_at_once_and_a_good_answer_calls_the_others_off() {
    let mut inquiry = inquiry(&[Some(800), Some(800), Some(800), None]);
    inquiry.handle(Input::Begin, Duration::ZERO);
    assert_eq!(inquiry.handle(Input::Failed(0, unreachable()), 3 * MS), [Effect::Ask(1)]);
    assert_eq!(inquiry.handle(Input::Woke, 803 * MS), [Effect::Ask(2)]);
    let effects = inquiry.handle(Input::Good(2), 900 * MS);
    assert_eq!(effects, [Effect::CallOff(1, true), Effect::Done(Verdict::Won(2))]);
    assert_eq!(inquiry.handle(Input::Good(1), 901 * MS), [], "late");
    assert_eq!(inquiry.wakes_at(), None);
    let rows = inquiry.into_timeline().0;
    let told: Vec<_> =
        rows.iter().map(|row| (row.who.as_str(), row.at_ms, row.took_ms, row.then)).collect();
    assert_eq!(
        told,
        [
            ("s0", 0, 3, Then::AskedAgain),
            ("s1", 3, 897, Then::CalledOff),
            ("s2", 803, 97, Then::Taken)
        ]
    );
    assert!(rows[1].is_slow && !rows[2].is_slow);
    assert_eq!(rows[0].came, Came::of(&unreachable()));
}

#[test]
fn an_answer_of_nothing_asks_the_next_and_is_told_when_nobody_has_more() {
    let mut inquiry = inquiry(&[None, None]);
    inquiry.handle(Input::Begin, Duration::ZERO);
    assert_eq!(inquiry.handle(Input::Poor(0, None), MS), [Effect::Ask(1)]);
    let effects = inquiry.handle(Input::Failed(1, unreachable()), 2 * MS);
    // the one that failed may be asked once more, after a pause
    assert_eq!(effects, []);
    assert_eq!(inquiry.wakes_at(), Some(502 * MS));
    assert_eq!(inquiry.handle(Input::Woke, 502 * MS), [Effect::Ask(1)]);
    let effects = inquiry.handle(Input::Failed(1, unreachable()), 503 * MS);
    let [Effect::Done(Verdict::Lost(fault))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((fault.reason, fault.class), (Reason::NotFound, Class::Refused));
}

#[test]
fn only_what_may_pass_is_asked_again_and_only_when_it_is_safe() {
    let refused = Fault::refused(Reason::TooLarge, "too large");
    let wait = Fault::flood_wait(Duration::from_secs(1), "429");
    let timeout = Fault::transient(Reason::Timeout, "no answer in time");
    for fault in [refused, wait, timeout] {
        let mut inquiry = inquiry(&[None]);
        inquiry.handle(Input::Begin, Duration::ZERO);
        let effects = inquiry.handle(Input::Failed(0, fault.clone()), MS);
        assert_eq!(effects, [Effect::Done(Verdict::Lost(fault))]);
    }
    let once = Settings { tries_max: 1, ..Settings::STANDARD };
    let mut inquiry = Inquiry::new(once, Step::Open, seats(&[None]));
    inquiry.handle(Input::Begin, Duration::ZERO);
    let effects = inquiry.handle(Input::Failed(0, unreachable()), MS);
    assert_eq!(effects, [Effect::Done(Verdict::Lost(unreachable()))]);
}

#[test]
fn whoever_may_not_be_asked_costs_no_time() {
    let mut inquiry = inquiry(&[None; 3]);
    inquiry.handle(Input::Begin, Duration::ZERO);
    let failing = Hindrance::Failing { for_s: 20 };
    let wait = Hindrance::AskedToWait { for_s: 7 };
    assert_eq!(inquiry.handle(Input::Hindered(0, failing), Duration::ZERO), [Effect::Ask(1)]);
    assert_eq!(inquiry.handle(Input::Hindered(1, wait), Duration::ZERO), [Effect::Ask(2)]);
    let effects = inquiry.handle(Input::Hindered(2, failing), Duration::ZERO);
    let [Effect::Done(Verdict::Lost(fault))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(fault.reason, Reason::Unreachable);
    let rows = inquiry.into_timeline().0;
    assert_eq!(rows[1].came, Came::NotAsked(wait));
    assert_eq!(rows[2].then, Then::GivenUp, "nobody was left to ask");
}

#[test]
fn one_answer_has_half_a_minute_and_the_whole_a_minute_and_a_half() {
    let mut alone = inquiry(&[None]);
    alone.handle(Input::Begin, Duration::ZERO);
    assert_eq!(alone.wakes_at(), Some(30_000 * MS));
    let effects = alone.handle(Input::Woke, 30_000 * MS);
    let [Effect::CallOff(0, true), Effect::Done(Verdict::Lost(fault))] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(fault.reason, Reason::Timeout);

    let patient = Settings { answer_max: 600_000 * MS, ..Settings::STANDARD };
    let mut all = Inquiry::new(patient, Step::Search, seats(&[None; 2]));
    silence(&mut all, 89_999 * MS);
    let effects = all.handle(Input::Woke, 90_000 * MS);
    assert_eq!(effects.len(), 3, "{effects:?}");
    assert!(matches!(&effects[2], Effect::Done(Verdict::Lost(f)) if f.reason == Reason::Timeout));
}

#[test]
fn the_most_telling_fault_is_told() {
    let preview = Fault::refused(Reason::Preview, "a sample");
    let mut inquiry = inquiry(&[None; 3]);
    inquiry.handle(Input::Begin, Duration::ZERO);
    inquiry.handle(Input::Poor(0, None), MS);
    inquiry.handle(Input::Poor(1, Some(preview.clone())), MS);
    let effects = inquiry.handle(Input::Poor(2, None), MS);
    assert_eq!(effects, [Effect::Done(Verdict::Lost(preview))]);
    let mut nobody = self::inquiry(&[]);
    let effects = nobody.handle(Input::Begin, Duration::ZERO);
    assert!(
        matches!(&effects[..], [Effect::Done(Verdict::Lost(f))] if f.reason == Reason::NotFound)
    );
}
