//! Buttons under a message.

use domain::Reason;
use grammers_client::tl;

use crate::fault::CallError;

/// The most bytes of a button's data (core.telegram.org, `keyboardButtonCallback`).
const DATA_MAX: usize = 64;

/// Rows of buttons under a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keyboard {
    pub rows: Vec<Vec<Button>>,
}

/// One button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Button {
    /// Pressing sends `data` back; at most 64 bytes (core.telegram.org).
    Data { label: String, data: Vec<u8> },
    /// Pressing opens `url`.
    Url { label: String, url: String },
}

// === impl Keyboard ===

impl Keyboard {
    pub fn new() -> Keyboard {
        Keyboard::default()
    }

    /// Adds a row; an empty one is left out.
    #[must_use]
    pub fn row(mut self, buttons: impl IntoIterator<Item = Button>) -> Keyboard {
        let buttons: Vec<Button> = buttons.into_iter().collect();
        if !buttons.is_empty() {
            self.rows.push(buttons);
        }
        self
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Keyboard {
    /// Telegram's form. Refuses data that is too long here, where the bug is, and not at the server.
    pub(crate) fn to_markup(&self) -> Result<tl::enums::ReplyMarkup, CallError> {
        let rows = self.rows.iter().map(|row| {
            let buttons = row.iter().map(Button::to_wire).collect::<Result<Vec<_>, CallError>>()?;
            Ok(tl::types::KeyboardInlineButtonRow { buttons }.into())
        });
        let rows = rows.collect::<Result<Vec<_>, CallError>>()?;
        Ok(tl::types::ReplyInlineMarkup { force_reply: false, rows }.into())
    }
}

// === impl Button ===

impl Button {
    pub fn data(label: impl Into<String>, data: impl Into<Vec<u8>>) -> Button {
        Button::Data { label: label.into(), data: data.into() }
    }

    pub fn url(label: impl Into<String>, url: impl Into<String>) -> Button {
        Button::Url { label: label.into(), url: url.into() }
    }

    fn to_wire(&self) -> Result<tl::enums::KeyboardInlineButton, CallError> {
        let (text, r#type) = match self {
            Button::Data { label, data } if data.len() > DATA_MAX || data.is_empty() => {
                let detail = format!(
                    "the button {label:?} carries {} bytes; 1 to {DATA_MAX} fit",
                    data.len()
                );
                return Err(CallError::refused(Reason::Internal, detail));
            }
            Button::Data { label, data } => {
                let callback = tl::types::InlineButtonTypeCallback {
                    requires_password: false,
                    data: data.clone(),
                };
                (label.clone(), callback.into())
            }
            Button::Url { label, url } => {
                (label.clone(), tl::types::InlineButtonTypeUrl { url: url.clone() }.into())
            }
        };
        Ok(tl::types::KeyboardInlineButton { style: None, text, r#type }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(keyboard: &Keyboard) -> Vec<Vec<(String, tl::enums::InlineButtonType)>> {
        let tl::enums::ReplyMarkup::ReplyInlineMarkup(markup) = keyboard.to_markup().unwrap()
        else {
            panic!("not an inline keyboard")
        };
        let button = |button| {
            let tl::enums::KeyboardInlineButton::Button(button) = button;
            (button.text, button.r#type)
        };
        let rows = markup.rows.into_iter().map(|row| {
            let tl::enums::KeyboardInlineButtonRow::Row(row) = row;
            row.buttons.into_iter().map(button).collect()
        });
        rows.collect()
    }

    #[test]
    fn rows_keep_their_order_and_their_data() {
        let keyboard = Keyboard::new()
            .row([Button::data("⏸", b"pause:1".to_vec()), Button::data("⏭", "skip:1")])
            .row([])
            .row([Button::url("Source", "https://a.example")]);
        let rows = wire(&keyboard);
        let labels: Vec<Vec<&str>> =
            rows.iter().map(|row| row.iter().map(|(label, _)| label.as_str()).collect()).collect();
        assert_eq!(labels, [vec!["⏸", "⏭"], vec!["Source"]]);
        let callback = tl::types::InlineButtonTypeCallback {
            requires_password: false,
            data: b"skip:1".to_vec(),
        };
        assert_eq!(rows[0][1].1, callback.into());
        assert_eq!(
            rows[1][0].1,
            tl::types::InlineButtonTypeUrl { url: "https://a.example".to_owned() }.into()
        );
    }

    #[test]
    fn data_that_does_not_fit_is_refused_before_it_is_sent() {
        let check = |length: usize, fits: bool| {
            let keyboard = Keyboard::new().row([Button::data("x", vec![b'x'; length])]);
            assert_eq!(keyboard.to_markup().is_ok(), fits, "{length}");
        };
        check(1, true);
        check(64, true);
        check(65, false);
        check(0, false);
    }
}
