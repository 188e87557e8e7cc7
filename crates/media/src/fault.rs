//! What went wrong below, in the words of [`domain::Fault`].

use std::io;

use domain::{Fault, Reason};
use symphonia::core::errors::Error;

use crate::ring::Stopped;

/// Why a producer ends before the end of the track.
#[derive(Debug)]
pub(crate) enum Halt {
    Stopped,
    Failed(Fault),
}

impl From<Stopped> for Halt {
    fn from(_: Stopped) -> Halt {
        Halt::Stopped
    }
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Halt {
        Halt::Failed(fault)
    }
}

/// A fault that travelled inside an `io::Error`, or the fault that the error amounts to.
pub(crate) fn of_io(error: &io::Error) -> Fault {
    if let Some(fault) = error.get_ref().and_then(|inner| inner.downcast_ref::<Fault>()) {
        return fault.clone();
    }
    match error.kind() {
        io::ErrorKind::NotFound => Fault::refused(Reason::NotFound, "the file does not exist"),
        io::ErrorKind::PermissionDenied => {
            Fault::refused(Reason::NotFound, "the file may not be read")
        }
        io::ErrorKind::UnexpectedEof => Fault::refused(Reason::Corrupt, "it ends too early"),
        io::ErrorKind::Unsupported => Fault::refused(Reason::Unsupported, "its origin cannot seek"),
        kind => Fault::transient(Reason::Unreachable, format!("reading failed: {kind}")),
    }
}

/// What symphonia said.
pub(crate) fn of_symphonia(error: &Error) -> Fault {
    match error {
        Error::IoError(error) => of_io(error),
        Error::DecodeError(what) => Fault::refused(Reason::Corrupt, *what),
        Error::Unsupported(what) => Fault::refused(Reason::Unsupported, *what),
        Error::LimitError(what) => Fault::refused(Reason::Corrupt, format!("absurd: {what}")),
        Error::SeekError(_) => Fault::refused(Reason::Unsupported, "it cannot be sought in"),
        Error::ResetRequired => Fault::refused(Reason::Unsupported, "its tracks change midway"),
        _ => Fault::refused(Reason::Unsupported, "an unknown kind of failure"),
    }
}

/// What libopus said. Only about packets: everything else is a mistake of ours.
pub(crate) fn of_opus(error: &opus::Error) -> Fault {
    match error.code() {
        opus::ErrorCode::InvalidPacket => Fault::refused(Reason::Corrupt, "an invalid opus packet"),
        code => {
            Fault::refused(Reason::Internal, format!("libopus: {code:?} in {}", error.function()))
        }
    }
}
