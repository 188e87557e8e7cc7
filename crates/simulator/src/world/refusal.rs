//! How a request is refused: the code and the name of an `rpc_error`.

/// An `rpc_error`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {name}")]
pub struct Refusal {
    pub code: i32,
    pub name: String,
}

impl Refusal {
    pub fn new(code: i32, name: impl Into<String>) -> Self {
        Self { code, name: name.into() }
    }
}

/// 400: the request itself is wrong.
pub(crate) fn bad(name: &str) -> Refusal {
    Refusal::new(400, name)
}

/// 403: the request is right, the caller may not.
pub(crate) fn forbidden(name: &str) -> Refusal {
    Refusal::new(403, name)
}

pub(crate) type Answered<T> = Result<T, Refusal>;
