//! Faults of storage, in the project's vocabulary.

use domain::{Fault, Reason};
use rusqlite::ErrorCode;

pub(crate) fn transient(detail: impl Into<String>) -> Fault {
    Fault::transient(Reason::Internal, detail)
}

pub(crate) fn refused(detail: impl Into<String>) -> Fault {
    Fault::refused(Reason::Internal, detail)
}

pub(crate) fn fatal(detail: impl Into<String>) -> Fault {
    Fault::fatal(Reason::Internal, detail)
}

pub(crate) fn ended() -> Fault {
    Fault::transient(Reason::Stopping, "the store has ended")
}

/// What SQLite says, as a fault. Whether the file itself is broken is asked of [`is_broken`] before.
pub(crate) fn from_sqlite(error: &rusqlite::Error) -> Fault {
    let what = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "there is no room for the state: free some on its disk",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            "the state cannot be written: check the rights of its directory and how its disk is mounted"
        }
        Some(ErrorCode::CannotOpen) => "the state cannot be opened: check its directory",
        Some(ErrorCode::SystemIoFailure) => "the state's disk fails",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program holds the state's file"
        }
        Some(ErrorCode::TooBig) => return refused(format!("too large to be kept: {error}")),
        _ => "the state's file",
    };
    transient(format!("{what} ({error})"))
}

/// Whether the file is not what was written.
pub(crate) fn is_broken(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
