//! Where MongoDB is. The address holds a password and is never shown.

use std::time::Duration;

use domain::Fault;
use mongodb::options::ConnectionString;
use sha2::{Digest, Sha256};

use super::fault;

/// An address as operators write it: `mongodb://user:password@host/…` or `mongodb+srv://…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    uri: String,
    /// What must not be seen, whole and in parts.
    secrets: Vec<String>,
    database: String,
    timeout: Duration,
}

// === impl Address ===

impl Address {
    /// Reads it without any network. `database` is used when the address names none; `timeout` is for each operation.
    /// The error says what to write instead and repeats nothing.
    pub fn new(uri: &str, database: &str, timeout: Duration) -> Result<Address, &'static str> {
        const FIX: &str = "must look like mongodb://user:password@host:27017/?replicaSet=rs0 or \
                           mongodb+srv://user:password@host/; special characters in user and password are written like \
                           %40 for @";
        let uri = uri.trim();
        let parsed = ConnectionString::parse(uri).map_err(|_| FIX)?;
        let is_plain = |name: &str| {
            !name.is_empty()
                && name.len() < 64
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        };
        if !is_plain(database) {
            return Err("the database's name must be of letters, digits, - and _");
        }
        let mut secrets = vec![uri.to_owned()];
        if let Some(password) = parsed.credential.and_then(|credential| credential.password) {
            secrets.push(password);
        }
        let user_info = uri.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
        if let Some((_, raw)) = user_info.and_then(|(user_info, _)| user_info.split_once(':')) {
            secrets.push(raw.to_owned());
        }
        secrets.retain(|secret| !secret.is_empty());
        let database = parsed.default_database.unwrap_or_else(|| database.to_owned());
        Ok(Address { uri: uri.to_owned(), secrets, database, timeout })
    }

    /// The same server and login with another database, whatever the address names.
    pub fn within(self, database: &str) -> Address {
        Address { database: database.to_owned(), ..self }
    }

    /// Tells one database from another; the same for another password.
    pub(crate) fn identity(&self) -> String {
        let rest = self.uri.split_once("://").map_or(self.uri.as_str(), |(_, rest)| rest);
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        let hosts = rest.split(['/', '?']).next().unwrap_or_default();
        let hash = Sha256::digest(format!("{hosts}/{}", self.database));
        hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn uri(&self) -> &str {
        &self.uri
    }

    pub(super) fn database(&self) -> &str {
        &self.database
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What the driver says, as a fault without secrets.
    pub(super) fn fault(&self, error: &mongodb::error::Error) -> Fault {
        let Fault { class, reason, detail } = fault::from_mongo(error);
        let hidden = |text: String, secret: &String| text.replace(secret.as_str(), "[redacted]");
        let detail = self.secrets.iter().fold(detail, hidden);
        Fault { class, reason, detail }
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(uri: &str) -> Result<Address, &'static str> {
        Address::new(uri, "armedmusic", Duration::from_secs(2))
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_fix_and_without_its_password() {
        for wrong in
            ["", "localhost", "http://u:hunter2@h/", "mongodb://u:hun/ter2@h/", "mongodb://"]
        {
            let fix = address(wrong).expect_err(wrong);
            assert!(fix.contains("mongodb://") && !fix.contains("hun"), "{wrong}: {fix}");
        }
        assert!(Address::new("mongodb://h/", "a b", Duration::from_secs(1)).is_err());
    }

    #[test]
    fn addresses_of_every_kind_are_read() {
        for good in [
            "mongodb://127.0.0.1:27017/?directConnection=true",
            "mongodb://u:p%40ss@a:1,b:2,c:3/music?replicaSet=rs0&tls=true&authSource=admin",
            "mongodb+srv://u:p@cluster0.example.mongodb.net/?retryWrites=true&w=majority",
        ] {
            assert!(address(good).is_ok(), "{good}: {:?}", address(good));
        }
        let named = address("mongodb://h/music").unwrap();
        assert_eq!(named.database(), "music");
        assert_eq!(address("mongodb://h/").unwrap().database(), "armedmusic");
    }

    #[test]
    fn an_address_is_never_shown() {
        let address = address("mongodb://dj:hunter2@h/").unwrap();
        assert!(!format!("{address:?}").contains("hunter2"));
        let error = mongodb::error::Error::custom("x");
        assert!(!address.fault(&error).detail.contains("hunter2"));
    }

    #[test]
    fn another_password_is_the_same_database_and_another_host_is_not() {
        let identity = |uri| address(uri).unwrap().identity();
        assert_eq!(
            identity("mongodb://u:old@h:1/music"),
            identity("mongodb://u:new@h:1/music?w=1")
        );
        assert_ne!(identity("mongodb://h:1/music"), identity("mongodb://h:2/music"));
        assert_ne!(identity("mongodb://h:1/music"), identity("mongodb://h:1/more"));
    }
}
