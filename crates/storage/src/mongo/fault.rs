//! What MongoDB's driver says, in the project's vocabulary.

use domain::{Fault, Reason};
use mongodb::error::{Error, ErrorKind, WriteFailure};

use crate::fault::{fatal, refused, transient};

const UNAUTHORISED: i32 = 13;
const AUTHENTICATION_FAILED: i32 = 18;
const ILLEGAL_OPERATION: i32 = 20;
const DOCUMENT_VALIDATION: i32 = 121;
const NO_SUCH_TRANSACTION_SUPPORT: i32 = 263;
/// What Atlas says of a wrong password.
const ATLAS: i32 = 8000;
const TOO_LARGE: [i32; 2] = [10_334, 17_420];

pub(super) fn late(what: &str) -> Fault {
    Fault::transient(Reason::Timeout, format!("MongoDB: {what}"))
}

pub(super) fn from_mongo(error: &Error) -> Fault {
    match error.kind.as_ref() {
        ErrorKind::Authentication { message, .. } => wrong_login(message),
        ErrorKind::Command(command) => from_code(command.code, &command.message),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => {
            from_code(concern.code, &concern.message)
        }
        ErrorKind::Write(WriteFailure::WriteError(write)) => from_code(write.code, &write.message),
        ErrorKind::IncompatibleServer { message, .. } => too_old(message),
        ErrorKind::ServerSelection { message, .. } if message.contains("wire version") => {
            too_old(message)
        }
        ErrorKind::InvalidTlsConfig { message, .. } => fatal(format!(
            "the TLS settings in MONGODB_URI are not usable ({message}): check tlsCAFile and tlsCertificateKeyFile"
        )),
        ErrorKind::InvalidArgument { message, .. } => fatal(format!(
            "MONGODB_URI is not usable ({message}): see config/env.example for what it looks like"
        )),
        ErrorKind::SessionsNotSupported => alone_needs_a_set(),
        ErrorKind::ServerSelection { .. } => {
            transient(format!("MongoDB does not answer ({})", error.kind))
        }
        kind => transient(format!("MongoDB: {kind}")),
    }
}

pub(super) fn from_code(code: i32, message: &str) -> Fault {
    match code {
        AUTHENTICATION_FAILED | ATLAS => wrong_login(message),
        UNAUTHORISED => fatal(format!(
            "MongoDB does not let this user work in the database ({message}): give it the role readWrite there"
        )),
        ILLEGAL_OPERATION | NO_SUCH_TRANSACTION_SUPPORT => alone_needs_a_set(),
        DOCUMENT_VALIDATION => refused(format!("MongoDB's own rules refuse a record: {message}")),
        code if TOO_LARGE.contains(&code) => refused(format!("too large for MongoDB: {message}")),
        code => transient(format!("MongoDB: {message} (code {code})")),
    }
}

fn wrong_login(message: &str) -> Fault {
    fatal(format!(
        "MongoDB refuses the user or the password in MONGODB_URI ({message}): correct them; special characters are \
         written like %40 for @, and authSource names the database that knows the user"
    ))
}

fn too_old(message: &str) -> Fault {
    fatal(format!("this MongoDB is too old ({message}): use 4.4 or newer"))
}

/// Without a journal of our own everything depends on transactions, and a single server has none.
fn alone_needs_a_set() -> Fault {
    fatal(
        "this MongoDB knows no transactions: start mongod with --replSet and run rs.initiate() once, or let the state \
         have a directory (storage.engine = \"embedded\")",
    )
}
