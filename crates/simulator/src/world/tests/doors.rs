use super::*;
use crate::world::population::{ASSISTANT, SECOND_ASSISTANT};

fn export(
    town: &Town,
    user: i64,
    request_needed: bool,
) -> tl::functions::messages::ExportChatInvite {
    tl::functions::messages::ExportChatInvite {
        legacy_revoke_permanent: false,
        request_needed,
        peer: town.peer(user, jam()),
        expire_date: None,
        usage_limit: None,
        title: None,
        subscription_pricing: None,
    }
}

async fn invite(town: &Town, request_needed: bool) -> String {
    let exported = town.ask(BOT, &export(town, BOT, request_needed)).await.unwrap();
    let enums::ExportedChatInvite::ChatInviteExported(invite) = exported else {
        panic!("no invite")
    };
    invite.link.rsplit('+').next().unwrap().to_owned()
}

fn import(hash: &str) -> tl::functions::messages::ImportChatInvite {
    tl::functions::messages::ImportChatInvite { hash: hash.to_owned() }
}

#[tokio::test]
async fn a_link_lets_an_assistant_in_until_it_is_replaced() {
    let town = town();
    let hash = invite(&town, false).await;
    let check = tl::functions::messages::CheckChatInvite { hash: hash.clone() };
    assert!(matches!(
        town.ask(SECOND_ASSISTANT, &check).await.unwrap(),
        enums::ChatInvite::Invite(_)
    ));
    town.ask(SECOND_ASSISTANT, &import(&hash)).await.unwrap();
    assert!(town.world.present(jam()).contains(&SECOND_ASSISTANT));
    assert_eq!(town.refused(SECOND_ASSISTANT, &import(&hash)).await, "USER_ALREADY_PARTICIPANT");
    assert!(matches!(
        town.ask(SECOND_ASSISTANT, &check).await.unwrap(),
        enums::ChatInvite::Already(_)
    ));
    invite(&town, false).await;
    assert_eq!(town.refused(EVE, &import(&hash)).await, "INVITE_HASH_EXPIRED");
    assert_eq!(town.refused(EVE, &import("nonsense")).await, "INVITE_HASH_INVALID");
    assert_eq!(town.refused(BORIS, &export(&town, BORIS, false)).await, "CHAT_ADMIN_REQUIRED");
}

#[tokio::test]
async fn a_request_waits_for_an_administrator() {
    let town = town();
    let hash = invite(&town, true).await;
    town.pushed(BOT);
    assert_eq!(town.refused(SECOND_ASSISTANT, &import(&hash)).await, "INVITE_REQUEST_SENT");
    let asked = town.pushed(BOT);
    assert!(
        matches!(&asked[..], [enums::Update::BotChatInviteRequester(u)] if u.user_id == SECOND_ASSISTANT)
    );
    let approve = tl::functions::messages::HideChatJoinRequest {
        approved: true,
        peer: town.peer(BOT, jam()),
        user_id: types::InputUser {
            user_id: SECOND_ASSISTANT,
            access_hash: town.world.access_hash(BOT, SECOND_ASSISTANT),
        }
        .into(),
    };
    town.ask(BOT, &approve).await.unwrap();
    assert!(town.world.present(jam()).contains(&SECOND_ASSISTANT));
    let joined = town.pushed(SECOND_ASSISTANT);
    assert!(joined.iter().any(|u| matches!(u, enums::Update::Channel(u) if u.channel_id == 1_500)));
}

#[tokio::test]
async fn a_banned_assistant_sees_a_closed_door_until_it_is_forgiven() {
    let town = town();
    let hash = invite(&town, false).await;
    town.world.ban(jam(), ASSISTANT);
    assert!(!town.world.present(jam()).contains(&ASSISTANT));
    let full = tl::functions::channels::GetFullChannel { channel: town.channel(ASSISTANT, jam()) };
    assert_eq!(town.refused(ASSISTANT, &full).await, "CHANNEL_PRIVATE");
    assert_eq!(town.refused(ASSISTANT, &import(&hash)).await, "INVITE_HASH_EXPIRED");
    let participant = tl::functions::channels::GetParticipant {
        channel: town.channel(BOT, jam()),
        participant: town.peer(BOT, ASSISTANT),
    };
    let enums::channels::ChannelParticipant::Participant(found) =
        town.ask(BOT, &participant).await.unwrap();
    assert!(matches!(found.participant, enums::ChannelParticipant::Banned(p) if p.left));
    let unban = tl::functions::channels::EditBanned {
        channel: town.channel(BOT, jam()),
        participant: town.peer(BOT, ASSISTANT),
        banned_rights: crate::world::chat::unrestricted().into(),
    };
    town.ask(BOT, &unban).await.unwrap();
    assert_eq!(town.refused(BOT, &participant).await, "USER_NOT_PARTICIPANT");
    town.ask(ASSISTANT, &import(&hash)).await.unwrap();
}

#[tokio::test]
async fn rights_are_checked_before_anybody_is_promoted_or_thrown_out() {
    let town = town();
    let ban = |by| tl::functions::channels::EditBanned {
        channel: town.channel(by, jam()),
        participant: town.peer(by, DMITRI),
        banned_rights: types::ChatBannedRights {
            view_messages: true,
            ..crate::world::chat::unrestricted()
        }
        .into(),
    };
    assert_eq!(town.refused(BORIS, &ban(BORIS)).await, "CHAT_ADMIN_REQUIRED");
    town.world.promote(jam(), BOT, |rights| rights.ban_users = false);
    assert_eq!(town.refused(BOT, &ban(BOT)).await, "CHAT_ADMIN_REQUIRED");
    town.ask(ADA, &ban(ADA)).await.unwrap();
    assert!(!town.world.present(jam()).contains(&DMITRI));
}

#[tokio::test]
async fn a_silenced_member_cannot_write_and_a_full_account_cannot_join() {
    let town = town();
    town.world.silence(jam(), BORIS);
    assert_eq!(town.refused(BORIS, &town.text(BORIS, jam(), "hi")).await, "USER_BANNED_IN_CHANNEL");
    town.world.forgive(jam(), BORIS);
    assert!(town.ask(BORIS, &town.text(BORIS, jam(), "hi")).await.is_ok());
    town.world.fill_channels(EVE, true);
    let join = tl::functions::channels::JoinChannel { channel: town.channel(EVE, jam()) };
    assert_eq!(town.refused(EVE, &join).await, "CHANNELS_TOO_MUCH");
    town.world.fill_channels(EVE, false);
    town.ask(EVE, &join).await.unwrap();
    assert!(town.world.present(jam()).contains(&EVE));
}

#[tokio::test]
async fn a_hash_of_another_account_opens_nothing() {
    let town = town();
    let request = tl::functions::channels::GetChannels { id: vec![town.channel(BOT, jam())] };
    assert!(town.ask(BOT, &request).await.is_ok());
    assert_eq!(town.refused(ASSISTANT, &request).await, "CHANNEL_INVALID");
    let shared = tl::functions::channels::GetChannels { id: vec![town.channel(ADA, jam())] };
    assert!(town.ask(BORIS, &shared).await.is_ok(), "ordinary users share theirs");
}

#[tokio::test]
async fn administrators_are_listed_with_their_rights() {
    let town = town();
    let request = tl::functions::channels::GetParticipants {
        channel: town.channel(BOT, jam()),
        filter: enums::ChannelParticipantsFilter::ChannelParticipantsAdmins,
        offset: 0,
        limit: 100,
        hash: 0,
    };
    let enums::channels::ChannelParticipants::Participants(found) =
        town.ask(BOT, &request).await.unwrap()
    else {
        panic!("no participants")
    };
    assert_eq!(found.count, 3);
    let anonymous = found.participants.iter().any(|participant| {
        matches!(participant, enums::ChannelParticipant::Admin(admin)
            if matches!(&admin.admin_rights, enums::ChatAdminRights::Rights(rights) if rights.anonymous && rights.manage_call))
    });
    assert!(anonymous);
}

#[tokio::test]
async fn whoever_promoted_or_banned_a_member_comes_along_with_it() {
    let town = town();
    town.world.ban(jam(), ASSISTANT);
    for user in [BOT, ASSISTANT] {
        let request = tl::functions::channels::GetParticipant {
            channel: town.channel(BORIS, jam()),
            participant: town.peer(BORIS, user),
        };
        let enums::channels::ChannelParticipant::Participant(found) =
            town.ask(BORIS, &request).await.unwrap();
        let by = match &found.participant {
            enums::ChannelParticipant::Admin(admin) => admin.promoted_by,
            enums::ChannelParticipant::Banned(banned) => banned.kicked_by,
            other => panic!("{other:?}"),
        };
        for named in [user, by] {
            assert!(found.users.iter().any(|other| other.id() == named), "{named} is missing");
        }
    }
}

#[tokio::test]
async fn peers_named_as_pyrogram_names_them_are_understood() {
    use tl::Identifiable;
    let town = town();
    let mut request =
        tl::functions::channels::GetParticipant::CONSTRUCTOR_ID.to_le_bytes().to_vec();
    town.peer(BOT, jam()).serialize(&mut request);
    town.peer(BOT, ADA).serialize(&mut request);
    let answer = town.world.answer(town.asker(BOT), &request).await.unwrap();
    let enums::channels::ChannelParticipant::Participant(found) =
        enums::channels::ChannelParticipant::from_bytes(&answer).unwrap();
    assert!(
        matches!(found.participant, enums::ChannelParticipant::Creator(creator) if creator.user_id == ADA)
    );
    let mut request = tl::functions::users::GetUsers::CONSTRUCTOR_ID.to_le_bytes().to_vec();
    vec![enums::InputPeer::PeerSelf, town.peer(BOT, BORIS)].serialize(&mut request);
    let answer = town.world.answer(town.asker(BOT), &request).await.unwrap();
    assert_eq!(Vec::<enums::User>::from_bytes(&answer).unwrap().len(), 2);
    let mut request =
        tl::functions::messages::GetInlineBotResults::CONSTRUCTOR_ID.to_le_bytes().to_vec();
    0u32.serialize(&mut request);
    town.peer(ADA, BORIS).serialize(&mut request);
    town.peer(ADA, jam()).serialize(&mut request);
    ["song".to_owned(), String::new()].iter().for_each(|text| text.serialize(&mut request));
    let refusal = town.world.answer(town.asker(ADA), &request).await.unwrap_err();
    assert_eq!(refusal.name, "BOT_INVALID");
}
