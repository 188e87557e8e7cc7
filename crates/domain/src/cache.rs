//! Answers that are still true: bounded, each with its own lifetime. Pure; the time is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// How long answers live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    pub search: Duration,
    /// That there is nothing.
    pub negative: Duration,
    /// A stream's address that does not say when it ends.
    pub stream: Duration,
    /// Before its end an address is not trusted any more: it has to last until it is opened.
    pub stream_margin: Duration,
}

#[derive(Debug)]
pub struct Cache<K, V> {
    entries: HashMap<K, Entry<V>>,
    entries_max: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    until: Duration,
}

// === impl Lifetimes ===

impl Lifetimes {
    /// Ten minutes, half a minute, an hour; half a minute before its end.
    pub const STANDARD: Lifetimes = Lifetimes {
        search: Duration::from_secs(600),
        negative: Duration::from_secs(30),
        stream: Duration::from_secs(3_600),
        stream_margin: Duration::from_secs(30),
    };

    /// How long a stream's address may be kept, if at all.
    pub fn of_stream(&self, lifetime: Option<Duration>) -> Option<Duration> {
        let left = lifetime.map_or(Some(self.stream), |is| is.checked_sub(self.stream_margin))?;
        Some(left.min(self.stream)).filter(|left| !left.is_zero())
    }
}

// === impl Cache ===

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    pub fn new(entries_max: usize) -> Cache<K, V> {
        Cache { entries: HashMap::new(), entries_max: entries_max.max(1) }
    }

    pub fn get(&mut self, key: &K, now: Duration) -> Option<V> {
        let entry = self.entries.get(key)?;
        if entry.until <= now {
            self.entries.remove(key);
            return None;
        }
        Some(entry.value.clone())
    }

    /// Keeps a value for so long; of too many the one that ends first goes.
    pub fn put(&mut self, key: K, value: V, now: Duration, lifetime: Duration) {
        if self.entries.len() >= self.entries_max && !self.entries.contains_key(&key) {
            self.entries.retain(|_, entry| entry.until > now);
        }
        if self.entries.len() >= self.entries_max && !self.entries.contains_key(&key) {
            let first = self.entries.iter().min_by_key(|(_, entry)| entry.until);
            if let Some(key) = first.map(|(key, _)| key.clone()) {
                self.entries.remove(&key);
            }
        }
        self.entries.insert(key, Entry { value, until: now + lifetime });
    }

    pub fn forget(&mut self, key: &K) {
        self.entries.remove(key);
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_answer_is_true_for_its_lifetime_and_not_a_moment_longer() {
        let mut cache = Cache::new(10);
        cache.put("a", 1, SECOND, 10 * SECOND);
        assert_eq!(cache.get(&"a", 10 * SECOND), Some(1));
        assert_eq!(cache.get(&"a", 11 * SECOND), None);
        assert!(cache.is_empty());
    }

    #[test]
    fn of_too_many_the_one_that_ends_first_goes() {
        let mut cache = Cache::new(2);
        cache.put("short", 1, Duration::ZERO, 5 * SECOND);
        cache.put("long", 2, Duration::ZERO, 50 * SECOND);
        cache.put("new", 3, SECOND, 20 * SECOND);
        assert_eq!(cache.len(), 2);
        assert_eq!(cache.get(&"short", SECOND), None);
        assert_eq!(cache.get(&"long", SECOND), Some(2));
        // the same key takes no second place
        cache.put("new", 4, SECOND, 20 * SECOND);
        assert_eq!((cache.len(), cache.get(&"new", SECOND)), (2, Some(4)));
    }

    #[test]
    fn a_link_that_ends_in_ninety_seconds_is_not_kept_for_a_day() {
        let lifetimes = Lifetimes::STANDARD;
        let rows = [(Some(90), Some(60)), (Some(30), None), (Some(10), None), (None, Some(3_600))];
        for (lifetime, kept) in rows {
            let lifetime = lifetime.map(Duration::from_secs);
            assert_eq!(lifetimes.of_stream(lifetime), kept.map(Duration::from_secs));
        }
        assert_eq!(lifetimes.of_stream(Some(86_400 * SECOND)), Some(3_600 * SECOND));
    }
}
