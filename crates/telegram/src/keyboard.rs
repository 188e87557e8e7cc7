//! Buttons under a message.

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

// === impl Button ===

impl Button {
    pub fn data(label: impl Into<String>, data: impl Into<Vec<u8>>) -> Button {
        Button::Data { label: label.into(), data: data.into() }
    }

    pub fn url(label: impl Into<String>, url: impl Into<String>) -> Button {
        Button::Url { label: label.into(), url: url.into() }
    }
}
