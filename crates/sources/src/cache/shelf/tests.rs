use sha2::{Digest as _, Sha256};

use super::super::name::Name;
use super::*;

fn name(text: &str) -> Name {
    Name::of(Sha256::new_with_prefix(text))
}

fn key(text: &str) -> Key {
    Key(name(text))
}

fn content(text: &str) -> Content {
    Content(name(text))
}

/// A shelf of 100 bytes with bodies of these lengths, the first one used first; each is called as what it holds.
fn shelf(bodies: &[(&str, u64)]) -> Shelf {
    let mut shelf = Shelf::new(100);
    for (used, (text, bytes)) in bodies.iter().enumerate() {
        shelf.found(key(text), content(text), *bytes, used as u64 + 1);
    }
    shelf
}

/// Writes a body as a recording does.
fn write(shelf: &mut Shelf, text: &str, bytes: u64) -> Option<Vec<Victim>> {
    assert!(shelf.claim(key(text)));
    let victims = shelf.reserve(&key(text), bytes);
    if victims.is_some() {
        shelf.settle(key(text), content(text), bytes);
    }
    shelf.release(&key(text), 0);
    victims
}

fn body(text: &str) -> Victim {
    Victim::Body(content(text), vec![key(text)])
}

#[test]
fn what_was_not_used_for_the_longest_time_makes_room() {
    let mut shelf = shelf(&[("a", 40), ("b", 30), ("c", 30)]);
    // to be played is to be used
    let taken = shelf.take(&key("a")).unwrap();
    shelf.give_back(&taken.content);
    assert_eq!(write(&mut shelf, "d", 50), Some(vec![body("b"), body("c")]));
    assert_eq!((shelf.n_entries(), shelf.bytes()), (2, 90));
    assert!(shelf.has(&key("a")) && shelf.has(&key("d")) && !shelf.has(&key("b")));
    assert_eq!(write(&mut shelf, "e", 10), Some(vec![]), "there was room");
    assert_eq!(shelf.bytes(), 100);
}

#[test]
fn the_cap_holds_whatever_is_written() {
    let mut shelf = Shelf::new(100);
    for n in 0..50u64 {
        write(&mut shelf, &n.to_string(), 7 + n * 11 % 20);
        assert!(shelf.bytes() <= 100, "{}", shelf.bytes());
    }
    assert!(shelf.n_entries() > 1);
    assert_eq!(write(&mut shelf, "whale", 101), None, "nothing makes room for that");
    assert!(shelf.bytes() <= 100 && shelf.n_entries() > 1, "and nothing had to go for it");
}

#[test]
fn what_is_being_played_stays() {
    let mut shelf = shelf(&[("a", 60), ("b", 30)]);
    let taken = shelf.take(&key("a")).unwrap();
    let again = shelf.take(&key("a")).unwrap();
    shelf.take(&key("b")).map(|taken| shelf.give_back(&taken.content)).unwrap();
    assert_eq!(write(&mut shelf, "c", 40), Some(vec![body("b")]), "although it was used later");
    assert_eq!(write(&mut shelf, "d", 50), None, "not even then");
    shelf.give_back(&taken.content);
    assert_eq!(write(&mut shelf, "d", 50), None, "two play it");
    shelf.give_back(&again.content);
    assert_eq!(write(&mut shelf, "d", 50), Some(vec![body("a")]));
}

#[test]
fn nobody_else_writes_what_is_being_written_and_it_is_not_removed() {
    let mut shelf = shelf(&[("a", 50)]);
    assert!(shelf.claim(key("b")));
    assert!(!shelf.claim(key("b")), "one writer");
    assert_eq!(shelf.reserve(&key("b"), 60), Some(vec![body("a")]));
    assert_eq!(shelf.bytes(), 60, "promised is taken");
    assert_eq!(write(&mut shelf, "c", 50), None);
    shelf.release(&key("b"), 20);
    assert!(shelf.has_part(&key("b")));
    assert_eq!(shelf.bytes(), 20, "what is kept of it");
    assert_eq!(write(&mut shelf, "c", 90), Some(vec![Victim::Part(key("b"))]));
    assert!(!shelf.has_part(&key("b")));
}

#[test]
fn two_keys_may_lead_to_one_body() {
    let mut shelf = Shelf::new(100);
    for of in ["a", "b"] {
        assert!(shelf.claim(key(of)));
        shelf.reserve(&key(of), 40).unwrap();
        shelf.settle(key(of), content("same"), 40);
        shelf.release(&key(of), 0);
    }
    assert_eq!((shelf.n_entries(), shelf.bytes()), (2, 40));
    let Some(victims) = write(&mut shelf, "c", 80) else { panic!("there is room") };
    let [Victim::Body(gone, keys)] = &victims[..] else { panic!("{victims:?}") };
    assert_eq!((gone, keys.len()), (&content("same"), 2));
    assert_eq!(shelf.n_entries(), 1);
}

#[test]
fn a_newer_version_takes_the_place_of_the_older_one() {
    let mut shelf = shelf(&[("a", 40)]);
    let replace = |shelf: &mut Shelf, text: &str| {
        assert!(shelf.claim(key("a")));
        shelf.reserve(&key("a"), 40).unwrap();
        let (_, victims) = shelf.settle(key("a"), content(text), 40);
        shelf.release(&key("a"), 0);
        victims
    };
    assert_eq!(replace(&mut shelf, "two"), [Victim::Body(content("a"), vec![])]);
    assert_eq!(shelf.bytes(), 40);
    // somebody still plays it: it goes before everything else, but not now
    let taken = shelf.take(&key("a")).unwrap();
    assert_eq!(replace(&mut shelf, "three"), []);
    assert_eq!(shelf.bytes(), 80);
    shelf.give_back(&taken.content);
    let victims = write(&mut shelf, "b", 40).unwrap();
    assert_eq!(victims, [Victim::Body(content("two"), vec![])]);
}

#[test]
fn a_smaller_cap_than_before_is_kept_at_once() {
    let mut shelf = shelf(&[("a", 60), ("b", 60), ("c", 30)]);
    assert_eq!(shelf.trim(), [body("a")]);
    assert!(shelf.bytes() <= 100 && shelf.has(&key("b")) && shelf.has(&key("c")));
}
