//! The environment's part of the settings: who this installation is. Only `src/` reads the environment.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sources::secret::Secret;
use telegram::Vault;

use super::{Identity, Keys, Mistake, Mistakes};

/// Seals the sign-ins on disk.
const STATE_KEY: &str = "STATE_KEY";

/// Looks a variable up; the process's own environment, or a table in tests and in the demo.
pub struct Environment<'a>(pub &'a dyn Fn(&str) -> Option<String>);

/// What is looked at for bytes that are no text.
const KNOWN: [&str; 21] = [
    "API_ID",
    "API_HASH",
    "BOT_TOKEN",
    "BOT_SESSION",
    "STRING_SESSION",
    "STRING_SESSION2",
    "STRING_SESSION3",
    "STRING_SESSION4",
    "STRING_SESSION5",
    "STRING_SESSION6",
    "STRING_SESSION7",
    "STRING_SESSION8",
    "STRING_SESSION9",
    "OWNER_ID",
    "SUDO_USERS",
    "LOGGER_ID",
    STATE_KEY,
    "MONGODB_URI",
    "COBALT_KEY",
    "GATEWAY_SECRET",
    "SPOTIFY_CLIENT_SECRET",
];

/// Assistants beyond the first: STRING_SESSION2 … STRING_SESSION9.
const ASSISTANTS_MAX: usize = 9;

/// What stands where bytes are not UTF-8.
const NO_TEXT: char = char::REPLACEMENT_CHARACTER;

// === impl Environment ===

impl Environment<'static> {
    /// The process's own. What is not UTF-8 is told by whoever reads it, and not taken for absent.
    pub fn of_process() -> Environment<'static> {
        Environment(&|name| Some(std::env::var_os(name)?.to_string_lossy().into_owned()))
    }
}

impl Environment<'_> {
    /// The identity, or everything that is missing or malformed in it. No message repeats a value.
    pub fn identity(&self) -> Result<Identity, Mistakes> {
        let mut mistakes = Vec::new();
        let api_id = self.required(
            "API_ID",
            "the number of your application from https://my.telegram.org",
            &mut mistakes,
        );
        let api_hash =
            self.required("API_HASH", "the 32 hexadecimal digits beside API_ID", &mut mistakes);
        let bot_token = self.required("BOT_TOKEN", "the token from @BotFather", &mut mistakes);
        let first = self.required(
            "STRING_SESSION",
            "a session string of the assistant's account",
            &mut mistakes,
        );
        let mut assistants = vec![(1, first)];
        assistants
            .extend((2..=ASSISTANTS_MAX).filter_map(|n| Some((n, self.get(&assistant_key(n))?))));
        let api_id = api_id.parse().ok().filter(|id| *id > 0).unwrap_or_else(|| {
            malformed(
                "API_ID",
                "must be the number of your application from https://my.telegram.org",
                &mut mistakes,
            )
        });
        if !(api_hash.len() == 32 && api_hash.chars().all(|c| c.is_ascii_hexdigit())) {
            malformed::<()>(
                "API_HASH",
                "must be the 32 hexadecimal digits beside API_ID",
                &mut mistakes,
            );
        }
        if !is_token(&bot_token) {
            malformed::<()>(
                "BOT_TOKEN",
                "must look like 123456:ABC…, as @BotFather gave it",
                &mut mistakes,
            );
        }
        check_sessions(&assistants, &mut mistakes);
        let owner = self.id("OWNER_ID", "must be a user's number", |id| id > 0, &mut mistakes);
        let sudo =
            self.ids("SUDO_USERS", "must be users' numbers with spaces between", &mut mistakes);
        let logger = self.id(
            "LOGGER_ID",
            "must be a group's number, like -1001234567890",
            |id| id < 0,
            &mut mistakes,
        );
        let bot_session = self.get("BOT_SESSION");
        let vault = self.vault(&mut mistakes);
        let keys = self.keys();
        let no_text =
            KNOWN.iter().filter(|name| self.get(name).is_some_and(|it| it.contains(NO_TEXT)));
        for name in no_text {
            mistakes.retain(|mistake| mistake.key != *name);
            malformed::<()>(name, "is not UTF-8 text; set it anew", &mut mistakes);
        }
        // one for each directory that the unit names; it names one
        let cache_directory = self.path("CACHE_DIRECTORY");
        let cache_directory =
            cache_directory.and_then(|all| all.split(':').next().map(PathBuf::from));
        if !mistakes.is_empty() {
            return Err(Mistakes(mistakes));
        }
        Ok(Identity {
            api_id,
            api_hash,
            bot_token,
            assistants,
            bot_session,
            vault,
            owner,
            sudo,
            logger,
            cache_directory,
            keys,
        })
    }

    /// What seals the sessions on disk: from the environment, or a credential that systemd decrypted for us.
    fn vault(&self, mistakes: &mut Vec<Mistake>) -> Option<Vault> {
        let text = match self.get(STATE_KEY) {
            Some(text) => text,
            None => self.credential(mistakes)?,
        };
        match Vault::new(&telegram::Secret::new(text)) {
            Ok(vault) => Some(vault),
            Err(weak) => malformed(STATE_KEY, &weak.to_string(), mistakes),
        }
    }

    /// One that is there and cannot be read is not the same as none: sign-ins would lie open.
    fn credential(&self, mistakes: &mut Vec<Mistake>) -> Option<String> {
        let path = Path::new(&self.get("CREDENTIALS_DIRECTORY")?).join("state_key");
        match std::fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) if error.kind() == ErrorKind::InvalidData => malformed(
                STATE_KEY,
                "the credential state_key is not text; `openssl rand -base64 32` makes a key",
                mistakes,
            ),
            Err(error) => malformed(
                STATE_KEY,
                &format!("the credential state_key cannot be read: {error}"),
                mistakes,
            ),
        }
    }

    /// What outside services want to see; none of it has to be there.
    pub fn keys(&self) -> Keys {
        let key = |name| self.get(name).map(Secret::new);
        Keys {
            soundcloud: key("SOUNDCLOUD_CLIENT_ID"),
            jamendo: key("JAMENDO_CLIENT_ID"),
            cobalt: key("COBALT_KEY"),
            gateway: key("GATEWAY_SECRET"),
            spotify: self.get("SPOTIFY_CLIENT_ID").zip(key("SPOTIFY_CLIENT_SECRET")),
            search_path: self.path("PATH").map(Into::into),
            home: self.path("HOME").map(Into::into),
        }
    }

    /// Where MongoDB is; it holds a password.
    pub fn mongodb_uri(&self) -> Option<Secret> {
        self.get("MONGODB_URI").map(Secret::new)
    }

    /// Where the Python bot's MongoDB is, by the names that bot knows.
    pub fn python_mongodb_uri(&self) -> Option<Secret> {
        ["MONGO_DB_URI", "MONGO_URL"].iter().find_map(|name| self.get(name)).map(Secret::new)
    }

    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The system's own variables may be anything.
    fn path(&self, name: &str) -> Option<String> {
        self.get(name).filter(|path| !path.contains(NO_TEXT))
    }

    fn required(&self, name: &str, what: &str, mistakes: &mut Vec<Mistake>) -> String {
        self.get(name).unwrap_or_else(|| {
            mistakes.push(Mistake {
                key: name.into(),
                fix: format!("is not set; it is {what} (see config/env.example)"),
            });
            String::new()
        })
    }

    fn ids(&self, name: &str, fix: &str, mistakes: &mut Vec<Mistake>) -> Vec<i64> {
        let Some(value) = self.get(name) else { return Vec::new() };
        let words = value.split([' ', ',', ';']).filter(|word| !word.is_empty());
        let ids: Option<Vec<i64>> =
            words.map(|word| word.parse().ok().filter(|id| *id > 0)).collect();
        ids.unwrap_or_else(|| malformed(name, fix, mistakes))
    }

    fn id(
        &self,
        name: &str,
        fix: &str,
        is_good: fn(i64) -> bool,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<i64> {
        let value = self.get(name)?;
        let id = value.parse().ok().filter(|id| is_good(*id));
        if id.is_none() {
            malformed::<()>(name, fix, mistakes);
        }
        id
    }
}

/// The variable of an assistant, by its number.
pub fn assistant_key(number: usize) -> String {
    if number == 1 { "STRING_SESSION".to_owned() } else { format!("STRING_SESSION{number}") }
}

/// Adds a mistake about `key`, unless it was already found missing.
fn malformed<T: Default>(key: &str, fix: &str, mistakes: &mut Vec<Mistake>) -> T {
    if !mistakes.iter().any(|mistake| mistake.key == key) {
        mistakes.push(Mistake { key: key.into(), fix: fix.into() });
    }
    T::default()
}

/// What cannot be a session string is told, whosever it is.
fn check_sessions(assistants: &[(usize, String)], mistakes: &mut Vec<Mistake>) {
    for (number, string) in assistants {
        if !string.is_empty() && !looks_like_session(string) {
            malformed(
                &assistant_key(*number),
                "must be a whole session string of Telethon, Pyrogram or Kurigram",
                mistakes,
            )
        }
    }
}

fn is_token(token: &str) -> bool {
    token.split_once(':').is_some_and(|(id, secret)| {
        id.parse::<i64>().is_ok_and(|id| id > 0)
            && secret.len() >= 30
            && secret.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    })
}

/// A key of 256 bytes makes any such string longer than this; placeholders and halves are shorter.
fn looks_like_session(string: &str) -> bool {
    string.len() >= 340
        && string
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=' | '+' | '/'))
}
