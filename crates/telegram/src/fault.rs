//! What Telegram's refusals and the connection's failures mean.

use domain::Fault;

/// A failed call: what to do about it, and Telegram's own word for it when there was one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct CallError {
    pub fault: Fault,
    /// Present when Telegram answered with an error; absent when it did not answer.
    pub rpc: Option<Rpc>,
}

/// An error as Telegram names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rpc {
    /// Like an HTTP status: 303, 400, 401, 403, 406, 420, 500.
    pub code: i32,
    /// The name without its number, such as `FLOOD_WAIT` or `GROUPCALL_SSRC_DUPLICATE_MUCH`.
    pub name: String,
    /// The number in the name, such as the seconds of a flood wait.
    pub value: Option<u32>,
}

// === impl CallError ===

impl CallError {
    /// Whether Telegram answered with this error name.
    pub fn is(&self, name: &str) -> bool {
        self.rpc.as_ref().is_some_and(|rpc| rpc.name == name)
    }
}

impl From<Fault> for CallError {
    fn from(fault: Fault) -> CallError {
        CallError { fault, rpc: None }
    }
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Fault {
        error.fault
    }
}
