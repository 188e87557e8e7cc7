//! Readers for JSON of many hands: the same number is a number here and a string there, a name is one or many.
//!
//! Every reader takes an RFC 6901 pointer (`/media/0/url`; empty for the value itself), and what is not there or not
//! of that kind is `None`.

use std::time::Duration;

use serde_json::Value;

pub(crate) trait Fields {
    /// Words, without the space around them; empty ones are none.
    fn text(&self, at: &str) -> Option<&str>;

    /// An identifier, written as a string or a number.
    fn id(&self, at: &str) -> Option<String>;

    /// A number, perhaps in a string, perhaps before its unit (`320kbps`).
    fn number(&self, at: &str) -> Option<f64>;

    /// `true`, `"true"`, `1`, `"1"` and their opposites.
    fn flag(&self, at: &str) -> Option<bool>;

    fn items(&self, at: &str) -> Option<&[Value]>;

    /// One name, or several in a list, or the names of several things in a list.
    fn names(&self, at: &str) -> Option<String>;

    /// Seconds as a number or a string, or `mm:ss`, or `hh:mm:ss`. None at all is not a length.
    fn seconds(&self, at: &str) -> Option<Duration>;

    fn millis(&self, at: &str) -> Option<Duration>;
}

// === impl Fields ===

impl Fields for Value {
    fn text(&self, at: &str) -> Option<&str> {
        self.pointer(at)?.as_str().map(str::trim).filter(|text| !text.is_empty())
    }

    fn id(&self, at: &str) -> Option<String> {
        match self.pointer(at)? {
            Value::Number(number) => Some(number.to_string()),
            _ => self.text(at).map(str::to_owned),
        }
    }

    fn number(&self, at: &str) -> Option<f64> {
        let number = match self.pointer(at)? {
            Value::Number(number) => number.as_f64()?,
            Value::String(text) => {
                let digits = text.trim().trim_end_matches(|c: char| c.is_alphabetic() || c == ' ');
                digits.parse().ok()?
            }
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    fn flag(&self, at: &str) -> Option<bool> {
        match self.pointer(at)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => self.number(at).map(|number| number != 0.0),
        }
    }

    fn items(&self, at: &str) -> Option<&[Value]> {
        self.pointer(at)?.as_array().map(Vec::as_slice)
    }

    fn names(&self, at: &str) -> Option<String> {
        let Some(items) = self.items(at) else {
            return self.text(at).map(str::to_owned);
        };
        let name = |item: &Value| item.text("").or_else(|| item.text("/name")).map(str::to_owned);
        let names: Vec<String> = items.iter().filter_map(name).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    fn seconds(&self, at: &str) -> Option<Duration> {
        let seconds = match self.text(at).filter(|text| text.contains(':')) {
            Some(clock) => {
                let parts = clock.split(':').map(str::parse::<f64>);
                parts.into_iter().try_fold(0.0, |sum, part| part.ok().map(|it| sum * 60.0 + it))?
            }
            None => self.number(at)?,
        };
        Duration::try_from_secs_f64(seconds).ok().filter(|length| !length.is_zero())
    }

    fn millis(&self, at: &str) -> Option<Duration> {
        let seconds = self.number(at)? / 1000.0;
        Duration::try_from_secs_f64(seconds).ok().filter(|length| !length.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_read_however_they_are_written() {
        let check = |value: Value, expected: Option<f64>| {
            assert_eq!(value.number(""), expected, "{value}");
        };
        check(json!(251), Some(251.0));
        check(json!("251"), Some(251.0));
        check(json!("320kbps"), Some(320.0));
        check(json!(" 1.5 "), Some(1.5));
        check(json!("opus"), None);
        check(json!("NaN"), None);
        check(json!(null), None);
        check(json!([1]), None);
    }

    #[test]
    fn lengths_are_read_however_they_are_written() {
        let check = |value: Value, expected: Option<f64>| {
            let expected = expected.map(Duration::from_secs_f64);
            assert_eq!(value.seconds(""), expected, "{value}");
        };
        check(json!(212), Some(212.0));
        check(json!("212.5"), Some(212.5));
        check(json!("3:32"), Some(212.0));
        check(json!("1:00:02"), Some(3602.0));
        check(json!("3:xx"), None);
        check(json!(-1), None);
        check(json!(0), None);
        check(json!(1e300), None);
        assert_eq!(json!(1500).millis(""), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn flags_and_names_are_read_however_they_are_written() {
        for (value, expected) in [
            (json!(true), Some(true)),
            (json!("true"), Some(true)),
            (json!("False"), Some(false)),
            (json!(0), Some(false)),
            (json!("1"), Some(true)),
            (json!("perhaps"), None),
            (json!(null), None),
        ] {
            assert_eq!(value.flag(""), expected, "{value}");
        }
        for (value, expected) in [
            (json!(" one "), Some("one")),
            (json!(["one", "two"]), Some("one, two")),
            (json!([{"name": "one"}, {"name": "two"}, {"id": 3}]), Some("one, two")),
            (json!([]), None),
            (json!(""), None),
        ] {
            assert_eq!(value.names("").as_deref(), expected, "{value}");
        }
        assert_eq!(json!({"id": 7}).id("/id").as_deref(), Some("7"));
        assert_eq!(json!({"id": "7"}).id("/id").as_deref(), Some("7"));
        assert_eq!(json!({"id": null}).id("/id"), None);
    }
}
