use super::*;

#[test]
fn a_sent_messages_id_is_found_in_every_answer() {
    let by_number = |id, random_id| tl::types::UpdateMessageId { id, random_id }.into();
    let updates = tl::types::Updates {
        updates: vec![by_number(7, 1), by_number(8, 2)],
        users: Vec::new(),
        chats: Vec::new(),
        date: 0,
        seq: 0,
    };
    assert_eq!(sent_id(&updates.clone().into(), 2), Some(MessageId(8)));
    assert_eq!(sent_id(&updates.into(), 3), None);
    let short = tl::types::UpdateShortSentMessage {
        out: true,
        id: 9,
        pts: 1,
        pts_count: 1,
        date: 0,
        media: None,
        entities: None,
        ttl_period: None,
    };
    assert_eq!(sent_id(&short.into(), 3), Some(MessageId(9)));
}

#[test]
fn a_mention_of_a_stranger_is_only_a_name() {
    assert_eq!(entity_of(Style::Mention(5), 0, 3, |_| None), None);
    let known = entity_of(Style::Mention(5), 0, 3, |_| Some(tl::enums::InputUser::UserSelf));
    assert!(matches!(known, Some(tl::enums::MessageEntity::InputMessageEntityMentionName(_))));
    assert_eq!(entity_of(Style::Nothing, 0, 3, |_| None), None);
}
