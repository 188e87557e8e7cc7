//! Who lives in the box when it starts: people, a bot, assistants and chats.

use super::ids::channel_chat;

/// A person's account.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: i64,
    /// International form with `+`; the box's own numbers start with +999662.
    pub phone: String,
    pub first_name: String,
    pub username: Option<String>,
}

/// A bot's account.
#[derive(Clone, Debug)]
pub struct Robot {
    pub id: i64,
    pub first_name: String,
    pub username: String,
    /// What `auth.importBotAuthorization` must bring: `id:secret`.
    pub token: String,
    /// Privacy mode: in groups where it is no admin it sees only commands, mentions and replies to it.
    pub is_private: bool,
    pub inline: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceKind {
    Group,
    Supergroup,
    Channel,
}

/// A chat.
#[derive(Clone, Debug)]
pub struct Place {
    /// Bot-API id: `-id` for groups, `-100…` for supergroups and channels.
    pub id: i64,
    pub kind: PlaceKind,
    pub title: String,
    pub username: Option<String>,
    pub creator: i64,
    pub admins: Vec<i64>,
    /// Administrators who write in the chat's name.
    pub anonymous: Vec<i64>,
    pub members: Vec<i64>,
    /// Whether a voice chat is running when the box starts.
    pub voice_chat: bool,
    /// The discussion group of a channel, or the channel of a discussion group.
    pub linked: Option<i64>,
}

/// Everybody and every chat at the start.
#[derive(Clone, Debug)]
pub struct Population {
    /// Ordinary users; listed in the ready line in this order.
    pub users: Vec<Person>,
    pub bots: Vec<Robot>,
    pub assistants: Vec<Person>,
    pub places: Vec<Place>,
    /// Accounts whose home is another data centre than number 2, which is then there too.
    pub homes: Vec<(i64, i32)>,
    /// The code that every phone receives.
    pub login_code: String,
}

pub const ADA: i64 = 5_001;
pub const BORIS: i64 = 5_002;
pub const CLARA: i64 = 5_003;
pub const DMITRI: i64 = 5_004;
pub const EVE: i64 = 5_005;
pub const BOT: i64 = 7_001;
pub const ASSISTANT: i64 = 6_001;
pub const SECOND_ASSISTANT: i64 = 6_002;

/// The supergroup of the default population.
pub fn jam() -> i64 {
    channel_chat(1_500)
}

/// The basic group of the default population.
pub fn kitchen() -> i64 {
    -800
}

/// The broadcast channel of the default population, with [`jam`] as its discussion group.
pub fn news() -> i64 {
    channel_chat(1_600)
}

fn person(id: i64, phone: &str, first_name: &str, username: &str) -> Person {
    Person {
        id,
        phone: phone.to_owned(),
        first_name: first_name.to_owned(),
        username: (!username.is_empty()).then(|| username.to_owned()),
    }
}

impl Population {
    /// Five people, one bot and two assistants; a supergroup with a voice chat in it, a basic group, a channel.
    ///
    /// Ada created the supergroup; Boris and Dmitri are plain members; Clara is an anonymous administrator; Eve is in
    /// no chat. The bot is an administrator, the first assistant is a member, the second one is nowhere yet.
    pub fn small() -> Self {
        Self {
            users: vec![
                person(ADA, "+9996621111", "Ada", "ada_admin"),
                person(BORIS, "+9996622222", "Boris", "boris_member"),
                person(CLARA, "+9996623333", "Clara", "clara_anonymous"),
                person(DMITRI, "+9996624444", "Dmitri", ""),
                person(EVE, "+9996625555", "Eve", "eve_stranger"),
            ],
            bots: vec![Robot {
                id: BOT,
                first_name: "Armed Music".to_owned(),
                username: "armed_music_bot".to_owned(),
                token: format!("{BOT}:SIMULATED-TOKEN-OF-TELEGRAM-IN-A-BOX"),
                is_private: true,
                inline: true,
            }],
            assistants: vec![
                person(ASSISTANT, "+9996627001", "Assistant One", "armed_assistant_1"),
                person(SECOND_ASSISTANT, "+9996627002", "Assistant Two", "armed_assistant_2"),
            ],
            places: vec![
                Place {
                    id: jam(),
                    kind: PlaceKind::Supergroup,
                    title: "Jam Session".to_owned(),
                    username: Some("jam_session_box".to_owned()),
                    creator: ADA,
                    admins: vec![BOT],
                    anonymous: vec![CLARA],
                    members: vec![BORIS, DMITRI, ASSISTANT],
                    voice_chat: true,
                    linked: Some(news()),
                },
                Place {
                    id: kitchen(),
                    kind: PlaceKind::Group,
                    title: "Kitchen".to_owned(),
                    username: None,
                    creator: ADA,
                    admins: vec![BOT],
                    anonymous: vec![],
                    members: vec![BORIS],
                    voice_chat: false,
                    linked: None,
                },
                Place {
                    id: news(),
                    kind: PlaceKind::Channel,
                    title: "Jam News".to_owned(),
                    username: Some("jam_news_box".to_owned()),
                    creator: ADA,
                    admins: vec![BOT],
                    anonymous: vec![],
                    members: vec![BORIS],
                    voice_chat: false,
                    linked: Some(jam()),
                },
            ],
            homes: Vec::new(),
            login_code: "12345".to_owned(),
        }
    }
}
