//! The first day: accounts are opened and chats are founded, as the population says.

use std::collections::{BTreeMap, HashMap, HashSet};

use grammers_tl_types as tl;

use super::account::{Account, Sort};
use super::chat::{Chat, Member, Role, all_rights, unrestricted};
use super::letter::Draft;
use super::mailbox::Mailbox;
use super::population::{Person, Place, PlaceKind, Population, Robot};
use super::state::{Clock, DC, State};

fn account(id: i64, sort: Sort, first_name: &str, username: Option<&String>) -> Account {
    Account {
        id,
        sort,
        home: DC,
        phone: None,
        token: None,
        first_name: first_name.to_owned(),
        username: username.cloned(),
        language: "en".to_owned(),
        mailbox: Mailbox::default(),
        sent: HashMap::new(),
        blocked: HashSet::new(),
        commands: BTreeMap::new(),
        refused: None,
        has_too_many_channels: false,
        last_seen: 0,
        qts: 0,
    }
}

pub(crate) fn person(person: &Person, sort: Sort) -> Account {
    let phone = Some(person.phone.clone());
    Account { phone, ..account(person.id, sort, &person.first_name, person.username.as_ref()) }
}

pub(crate) fn robot(robot: &Robot) -> Account {
    let sort = Sort::Bot { is_private: robot.is_private, inline: robot.inline };
    let token = Some(robot.token.clone());
    Account { token, ..account(robot.id, sort, &robot.first_name, Some(&robot.username)) }
}

/// Founds a chat with its first message.
pub(crate) fn found(state: &mut State, place: &Place) {
    let date = state.now();
    let is_broadcast = place.kind == PlaceKind::Channel;
    let rights = tl::types::ChatAdminRights {
        post_messages: is_broadcast,
        edit_messages: is_broadcast,
        ..all_rights()
    };
    let by = place.creator;
    let mut members = BTreeMap::new();
    let mut add = |user: i64, role: Role| {
        members.insert(user, Member { role, date, inviter: by, rank: None });
    };
    place.members.iter().for_each(|user| add(*user, Role::Member));
    place.admins.iter().for_each(|user| add(*user, Role::Admin { rights: rights.clone(), by }));
    for user in &place.anonymous {
        let rights = tl::types::ChatAdminRights { anonymous: true, ..rights.clone() };
        add(*user, Role::Admin { rights, by });
    }
    add(place.creator, Role::Creator);
    let chat = Chat {
        id: place.id,
        kind: place.kind,
        title: place.title.clone(),
        username: place.username.clone(),
        date,
        version: 1,
        members,
        creator: place.creator,
        call: None,
        linked: place.linked,
        default_rights: unrestricted(),
        slow_mode: 0,
        wrote: HashMap::new(),
        invites: HashMap::new(),
        requests: BTreeMap::new(),
        mailbox: Mailbox::default(),
        told: HashMap::new(),
        pinned: None,
        migrated_to: None,
    };
    state.chats.insert(place.id, chat);
    let title = place.title.clone();
    let action = if place.kind == PlaceKind::Group {
        let users = place.members.clone();
        tl::types::MessageActionChatCreate { title, users }.into()
    } else {
        tl::types::MessageActionChannelCreate { title }.into()
    };
    state.post(place.creator, place.id, Draft { action: Some(action), ..Draft::default() }, None);
}

pub(crate) fn settle(population: &Population, clock: Clock) -> State {
    let mut state = State::empty(clock, population.login_code.clone());
    let people = population.users.iter().map(|p| person(p, Sort::Person));
    let assistants = population.assistants.iter().map(|p| person(p, Sort::Assistant));
    let bots = population.bots.iter().map(robot);
    state.accounts =
        people.chain(assistants).chain(bots).map(|account| (account.id, account)).collect();
    for (user, dc) in &population.homes {
        if let Some(account) = state.accounts.get_mut(user) {
            account.home = *dc;
        }
    }
    for place in &population.places {
        found(&mut state, place);
    }
    state.outbox.clear();
    state.news.clear();
    state
}
