//! How many people are in a voice chat beside our own assistant.
//!
//! Telegram tells the number with the call itself, and later only who comes and who goes
//! (core.telegram.org/constructor/updateGroupCallParticipants).

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Audience(u32);

// === impl Audience ===

impl Audience {
    /// Telegram's own number; `is_in` when our assistant is among them.
    pub fn told(&mut self, participants: u32, is_in: bool) {
        self.0 = participants.saturating_sub(u32::from(is_in));
    }

    /// Others came and went.
    pub fn moved(&mut self, came: u32, went: u32) {
        self.0 = self.0.saturating_add(came).saturating_sub(went);
    }

    pub fn others(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_assistant_is_no_listener() {
        let mut audience = Audience::default();
        audience.told(3, false);
        assert_eq!(audience.others(), 3);
        audience.told(4, true);
        assert_eq!(audience.others(), 3);
        audience.moved(2, 1);
        assert_eq!(audience.others(), 4);
        audience.moved(0, 9);
        assert_eq!(audience.others(), 0);
        audience.told(0, true);
        assert_eq!(audience.others(), 0, "a number that is behind");
    }
}
